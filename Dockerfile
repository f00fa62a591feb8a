# Builds the gateway and ships the binary alone. Both base images can be replaced:
#   docker build --build-arg BASE=registry.example/distroless/cc@sha256:… -t mfa-gateway .
# Releases put a binary that is already built in place of the first stage: --build-context build=FOLDER.
# Pin them by digest where images must be reproducible. The builder's C library must not be newer than the base's:
# bookworm goes with debian12.
ARG BUILDER=rust:1.95.0-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILDER} AS build
WORKDIR /src
COPY . .
# Any value leaves out the profile, and with it half of the time: --build-arg NO_PROFILE=1.
ARG NO_PROFILE
# The commit, for `mfa-gateway version`: the context has no clone.
ARG REVISION=unknown
# Optimised by a profile that is recorded here, or without one and with the reason, where the builder can't have what that
# needs (deploy/release --help).
# The caches keep the registry and the compiled dependencies between builds. Cargo tells by its date whether a file has
# changed, and a context can carry any date: `touch` has our own code compiled anew every time.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    touch src/lib.rs src/main.rs crates/*/src/lib.rs \
    && MFA_GATEWAY_COMMIT=${REVISION} deploy/release --no-compare ${NO_PROFILE:+--no-profile} \
    && cp target/release-build/mfa-gateway /mfa-gateway

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=https://github.com/mfa-gateway/mfa-gateway
LABEL org.opencontainers.image.title="mfa-gateway" \
      org.opencontainers.image.description="Lets a partner API be called only by users who completed MFA" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.documentation="${SOURCE}#readme"
COPY LICENSE /licenses/LICENSE
COPY --from=build /mfa-gateway /usr/local/bin/mfa-gateway
# `demo` in a container: its gateway and admin listener on every address of the container, so that ports can be published;
# the tokens in the printed lines, since the shell that runs them doesn't see the container's files.
# The linter takes the last name for a secret; it says where tokens are printed.
# hadolint ignore=DL3064
ENV MFA_GATEWAY_DEMO_ADDRESS=0.0.0.0:8080 \
    MFA_GATEWAY_DEMO_ADMIN_ADDRESS=0.0.0.0:9090 \
    MFA_GATEWAY_DEMO_TOKENS=inline
# A number, not a name: the kubelet's `runAsNonRoot` can't look names up.
USER 65532:65532
# Traffic and admin, as in the examples; the configuration decides.
EXPOSE 8080 9090
# Ready, not only alive: what waits for an issuer's keys should get no traffic. Kubernetes has its own probes.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/mfa-gateway", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/mfa-gateway"]
CMD ["serve", "--config", "/etc/mfa-gateway/gateway.yaml"]
