"""`streamer cost`: what a deployment takes and costs a month, at AWS's list prices."""
