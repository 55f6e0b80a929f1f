"""HTTP: the stream and its status, health, the page. Never AWS: what it shows is handed to it by `service`."""
