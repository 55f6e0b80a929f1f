"""Debian's firefox for a test, or a reason why there is none. It needs no driver: the tab asks for work."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.browser.tools import tool

# It starts with one tab and asks nobody on the internet for anything.
_PREFERENCES: dict[str, bool | int | str] = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.contentblocking.category": "standard",
    "browser.newtabpage.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "browser.topsites.contile.enabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.connection.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "geo.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.prefetch-next": False,
    "network.proxy.type": 0,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


def command(profile: Path, url: str) -> list[str]:
    """How to open a page in a new profile. Skips or fails the test where firefox is missing (see `tool`)."""
    path = tool("firefox", shutil.which("firefox-esr"), "apt install firefox-esr")
    lines = (f"user_pref({key!r}, {_written(value)});\n" for key, value in _PREFERENCES.items())
    profile.mkdir()
    (profile / "user.js").write_text("".join(lines).replace("'", '"'))
    return [path, "--headless", "--no-remote", "--profile", str(profile), url]


def _written(value: bool | int | str) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
