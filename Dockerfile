# One image for every role: SDMK_ROLES chooses the work of a container. docker-compose.odoo.yml shows how it is run.
FROM node:24.21.0-trixie-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional are the programs of the embedded PostgreSQL, which no container starts; the rest needs no install script.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

# The simulated KKI with its OAuth server: a separate target (--target simulator), and no part of the production image below.
FROM node:24.21.0-trixie-slim AS simulator
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=optional --ignore-scripts
COPY contracts contracts
COPY sidecar sidecar
COPY simulator simulator
ENV NODE_ENV=production
USER 1000:1000
EXPOSE 4010
ENTRYPOINT ["node", "--disable-sigusr1", "sidecar/cli/sdmk.ts"]
CMD ["simulator"]

FROM node:24.21.0-trixie-slim
LABEL org.opencontainers.image.title="HealthForce KKI connector" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
# Allocation as in "npm start" (package.json); a container is reached by its address, not by its loopback.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=65536 \
    MALLOC_TRIM_THRESHOLD_=65536 \
    SDMK_HOST=0.0.0.0 \
    SDMK_PORT=8080
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY contracts contracts
COPY sidecar sidecar
# The user "node" of the image. All files belong to root: the process can change nothing that it runs.
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.SDMK_PORT}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Without the first option, SIGUSR1 opens a debugger that can read every key in memory.
ENTRYPOINT ["node", "--disable-sigusr1", "--max-semi-space-size=8", "sidecar/cli/sdmk.ts"]
CMD ["serve"]
