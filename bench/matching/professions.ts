export interface Profession {
  code: string
  womenShare: number
  prefixes: readonly string[]
  suffixes: readonly string[]
  /** Further professions that its holder may have. */
  second: string
}

/** KKI's codes, the most common first. */
export const professions: readonly Profession[] = [
  one('PERAWAT', 0.7, [''], ['A.Md.Kep.', 'S.Kep.', 'AMK'], 'NERS'),
  one('BIDAN', 1, [''], ['A.Md.Keb.', 'S.Tr.Keb.', 'S.Keb.'], 'PERAWAT'),
  one('DOKTER', 0.55, ['dr.'], ['', 'M.Kes.'], 'DOKTER_SPESIALIS'),
  one('NERS', 0.7, ['Ns.', ''], ['S.Kep.', 'S.Kep., Ners'], 'PERAWAT'),
  one('APOTEKER', 0.75, ['apt.'], ['S.Farm.', 'S.Farm., M.Farm.'], 'TENAGA_TEKNIS_KEFARMASIAN'),
  one('TENAGA_TEKNOLOGI_LABORATORIUM_MEDIK', 0.7, [''], ['A.Md.Kes.', 'S.Tr.Kes.'], 'SANITASI_LINGKUNGAN'),
  one('DOKTER_SPESIALIS', 0.45, ['dr.', 'Dr. dr.'], ['Sp.PD', 'Sp.A', 'Sp.OG', 'Sp.B(K)'], 'DOKTER'),
  one('DOKTER_GIGI', 0.7, ['drg.'], ['', 'M.Kes.'], 'DOKTER'),
  one('NUTRISIONIS', 0.8, [''], ['A.Md.Gz.', 'S.Gz.'], 'SANITASI_LINGKUNGAN'),
  one('FISIOTERAPIS', 0.55, [''], ['A.Md.Kes.', 'S.Tr.Kes.'], 'RADIOGRAFER')
]

function one(
  code: string,
  womenShare: number,
  prefixes: readonly string[],
  suffixes: readonly string[],
  second: string
): Profession {
  return { code, womenShare, prefixes, suffixes, second }
}
