interface Operation {
  tags: string[]
  summary: string
  description?: string
}
interface Contract {
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Operation>>
}

const introduction = `# Routes

Generated from \`contracts/sidecar.openapi.json\` by \`npm run generate\`. That file has every parameter, body and answer;
the [guide](../integrate/rest-api.md) explains keys, errors, lists and searches.`

/** Returns docs/reference/routes.md: each route of the API by subject, from the text of its contract. */
export function renderRoutes(contract: string): string {
  const { tags, paths } = JSON.parse(contract) as Contract
  const routes = Object.entries(paths).flatMap(([address, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${address}`,
      ...operation
    }))
  )
  const described = new Map(tags.map(({ name, description }) => [name, description]))
  const subjects = [...new Set([...described.keys(), ...routes.flatMap(route => route.tags)])]
  const sections = subjects.map(name => {
    const rows = routes
      .filter(route => route.tags[0] === name)
      .map(({ route, summary, description }) => `| \`${route}\` | ${cell(summary, description)} |`)
    const title = `## ${name.charAt(0).toUpperCase()}${name.slice(1)}`
    const about = described.get(name)
    return [title, ...(about ? [`${about}.`] : []), ['| Route | Does |', '| --- | --- |', ...rows].join('\n')].join(
      '\n\n'
    )
  })
  return `${[introduction, ...sections].join('\n\n')}\n`
}

function cell(summary: string, description = ''): string {
  return [`${summary}.`, description].filter(Boolean).join(' ').replaceAll('|', '\\|').replaceAll('\n', ' ')
}
