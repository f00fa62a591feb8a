"""What the tests stand on: an issuer, backends, clients and the gateway as a process."""
