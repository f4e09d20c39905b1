/** Returns true if traffic to this host stays on the machine: a loopback address or name, or a socket's folder. */
export function isLocalHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.+)\]$/, '$1')
  return name.startsWith('/') || /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(name) || name.endsWith('.localhost')
}
