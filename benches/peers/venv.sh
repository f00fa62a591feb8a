# Sourced: makes the virtual environment of the measurements, and sets `target` and `venv`. Needs `root`.

target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
venv=$target/peers-venv

if ! cmp -s "$root/benches/peers/requirements.txt" "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/benches/peers/requirements.txt"
    cp "$root/benches/peers/requirements.txt" "$venv/requirements.txt"
fi

# Nothing of the caller's surroundings may lead the clients elsewhere, or configure the gateway.
unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
MFA_GATEWAY_BIN=$(realpath -m "${MFA_GATEWAY_BIN:-$target/release/mfa-gateway}")
for name in $(compgen -e | grep '^MFA_GATEWAY_' | grep -vx MFA_GATEWAY_BIN); do unset "$name"; done
export MFA_GATEWAY_BIN PEERS_TARGET=$target/peers PYTHONDONTWRITEBYTECODE=1
