import type { Cmd, Copy, Dockerfile, Entrypoint, Env } from 'dockerfile-ast'

export interface Image {
  user: string
  environment: Record<string, string>
  entrypoint: string[]
  command: string[]
}

/** Returns the command of the image of a Dockerfile. */
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

/** Returns the paths that the last stage copies from the repository: those of the production image. */
export function productionSourcesOf(dockerfile: Dockerfile): string[] {
  const begin = dockerfile.getFROMs().at(-1)?.getRange().start.line ?? 0
  return sourcesOf(dockerfile, begin)
}

/**
 * Returns the paths that are copied from the repository, by the stages that begin at this line or later. The last word
 * of each COPY is where they go.
 */
export function sourcesOf(dockerfile: Dockerfile, fromLine = 0): string[] {
  const copies = dockerfile
    .getCOPYs()
    .filter((copy: Copy) => copy.getRange().start.line >= fromLine)
    .filter((copy: Copy) => !copy.getFlags().some(flag => flag.getName() === 'from'))
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
