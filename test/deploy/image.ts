import type { Cmd, Copy, Dockerfile, Entrypoint, Env } from 'dockerfile-ast'

export interface Image {
  user: string
  environment: Record<string, string>
  entrypoint: string[]
  command: string[]
}

/** Returns what the image of a Dockerfile runs. */
export function imageOf(dockerfile: Dockerfile): Image {
  const last = <T>(keyword: string): T => {
    const found = dockerfile.getInstructions().filter(item => item.getKeyword() === keyword)
    return found.at(-1) as T
  }
  const words = (instruction: Entrypoint | Cmd) => instruction.getJSONStrings().map(text => JSON.parse(text.getValue()))
  return {
    user: last<Env>('USER').getArgumentsContent() ?? '',
    environment: Object.fromEntries(
      last<Env>('ENV')
        .getProperties()
        .map(property => [property.getName(), property.getValue() ?? ''])
    ),
    entrypoint: words(last<Entrypoint>('ENTRYPOINT')),
    command: words(last<Cmd>('CMD'))
  }
}

/** Returns the paths that are copied from the repository; the last word of each COPY is where they go. */
export function sourcesOf(dockerfile: Dockerfile): string[] {
  const copies = dockerfile.getCOPYs().filter((copy: Copy) => !copy.getFlags().some(flag => flag.getName() === 'from'))
  return [
    ...new Set(
      copies.flatMap(copy =>
        copy
          .getArguments()
          .slice(0, -1)
          .map(argument => argument.getValue())
      )
    )
  ]
}
