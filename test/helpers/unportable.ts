/** All 66 code points that Unicode reserves as no character. */
export const noncharacters: readonly number[] = [
  ...Array.from({ length: 0x20 }, (_, at) => 0xfdd0 + at),
  ...Array.from({ length: 17 }, (_, plane) => [plane * 0x10000 + 0xfffe, plane * 0x10000 + 0xffff]).flat()
]

/** The control characters of both ranges, and DEL, without tab and line ends. */
export const controls: readonly number[] = [
  ...Array.from({ length: 0x20 }, (_, at) => at).filter(point => ![0x09, 0x0a, 0x0d].includes(point)),
  ...Array.from({ length: 0x21 }, (_, at) => 0x7f + at)
]
