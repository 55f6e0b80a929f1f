"""`streamer cost`: computes the monthly cost of a deployment from AWS list prices."""
