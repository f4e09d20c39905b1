/** Birthplaces, the most common first. */
export interface Place {
  name: string
  kind: 'Kota' | 'Kabupaten' | null
  province: string
  /** The first four digits of the NIKs that are issued there. */
  region: string
  districts: readonly string[]
  /** Former and other names of the place. */
  otherNames: readonly string[]
  /** Other spellings of the same name. */
  spellings: readonly string[]
}

export const places: readonly Place[] = `
Jakarta||DKI Jakarta|3171|Tebet,Menteng,Kemayoran,Cengkareng|Batavia|Djakarta,DKI Jakarta,Jkt
Surabaya|Kota|Jawa Timur|3578|Gubeng,Wonokromo,Tambaksari||Surabaja,Soerabaja,Sby
Bandung|Kota|Jawa Barat|3273|Cicendo,Coblong,Lengkong||Bandoeng,Bdg
Medan|Kota|Sumatera Utara|1271|Medan Baru,Belawan,Helvetia||Mdn
Semarang|Kota|Jawa Tengah|3374|Candisari,Banyumanik,Tembalang||Samarang,Smg
Yogyakarta|Kota|DI Yogyakarta|3471|Umbulharjo,Gondokusuman,Mergangsan|Jogja|Jogjakarta,Jogyakarta,Djogjakarta
Surakarta|Kota|Jawa Tengah|3372|Laweyan,Banjarsari,Jebres|Solo|Soerakarta
Makassar|Kota|Sulawesi Selatan|7371|Rappocini,Panakkukang,Tamalate|Ujung Pandang|Makasar,Ujungpandang
Palembang|Kota|Sumatera Selatan|1671|Ilir Barat I,Sako,Plaju||Plembang
Malang|Kota|Jawa Timur|3573|Klojen,Lowokwaru,Blimbing||
Padang|Kota|Sumatera Barat|1371|Nanggalo,Kuranji,Lubuk Begalung||
Bogor|Kota|Jawa Barat|3271|Tanah Sareal,Bogor Utara|Buitenzorg|
Denpasar|Kota|Bali|5171|Sanur,Denpasar Barat|Badung|Den Pasar
Banyumas|Kabupaten|Jawa Tengah|3302|Sokaraja,Ajibarang|Purwokerto|Banjoemas
Jember|Kabupaten|Jawa Timur|3509|Kaliwates,Patrang,Ambulu||Djember
Klaten|Kabupaten|Jawa Tengah|3310|Prambanan,Delanggu,Jatinom||
Sleman|Kabupaten|DI Yogyakarta|3404|Depok,Mlati,Kalasan||
Bantul|Kabupaten|DI Yogyakarta|3402|Sewon,Kasihan||Bantoel
Tasikmalaya|Kota|Jawa Barat|3278|Cihideung,Tawang||Tasik Malaya,Tasikmalaja
Garut|Kabupaten|Jawa Barat|3205|Tarogong,Cibatu,Wanaraja||Garoet
Cirebon|Kota|Jawa Barat|3274|Kejaksan,Lemahwungkuk||Tjirebon,Cheribon
Sukabumi|Kota|Jawa Barat|3272|Cikole,Gunungpuyuh||Soekaboemi
Banda Aceh|Kota|Aceh|1171|Kuta Alam,Baiturrahman|Kutaraja|Banda Atjeh
Pekanbaru|Kota|Riau|1471|Sukajadi,Tampan||Pakanbaru,Pekan Baru
Bandar Lampung|Kota|Lampung|1871|Kedaton,Rajabasa|Tanjung Karang|Bandarlampung
Jambi|Kota|Jambi|1571|Telanaipura,Jelutung||Djambi
Bengkulu|Kota|Bengkulu|1771|Gading Cempaka,Selebar||Bengkoelen
Pontianak|Kota|Kalimantan Barat|6171|Sungai Kakap,Pontianak Selatan||
Banjarmasin|Kota|Kalimantan Selatan|6371|Kayu Tangi,Banjarmasin Utara||Bandjarmasin
Samarinda|Kota|Kalimantan Timur|6472|Sungai Kunjang,Palaran||
Balikpapan|Kota|Kalimantan Timur|6471|Sepinggan,Klandasan||Balik Papan
Palangka Raya|Kota|Kalimantan Tengah|6271|Pahandut,Jekan Raya||Palangkaraya
Manado|Kota|Sulawesi Utara|7171|Wenang,Malalayang||Menado
Bone|Kabupaten|Sulawesi Selatan|7308|Tanete Riattang,Kajuara|Watampone|
Gowa|Kabupaten|Sulawesi Selatan|7306|Somba Opu,Pallangga|Sungguminasa|
Parepare|Kota|Sulawesi Selatan|7372|Soreang,Bacukiki||Pare-Pare,Pare Pare
Kupang|Kota|Nusa Tenggara Timur|5371|Oebobo,Kelapa Lima||Koepang
Mataram|Kota|Nusa Tenggara Barat|5271|Ampenan,Cakranegara||
Buleleng|Kabupaten|Bali|5108|Seririt,Sukasada|Singaraja|
Ambon|Kota|Maluku|8171|Sirimau,Nusaniwe|Amboina|
Ternate|Kota|Maluku Utara|8271|Ternate Tengah,Moti||
Jayapura|Kota|Papua|9171|Abepura,Heram|Hollandia|Djajapura
Sorong|Kota|Papua Barat Daya|9271|Klademak,Remu||
Merauke|Kabupaten|Papua Selatan|9101|Semangga,Kurik||
Madiun|Kota|Jawa Timur|3577|Taman,Manguharjo||Madioen
Kediri|Kota|Jawa Timur|3571|Pesantren,Mojoroto||
Magelang|Kota|Jawa Tengah|3371|Magelang Tengah,Tidar||
Kudus|Kabupaten|Jawa Tengah|3319|Jati,Bae||Koedoes
Sidoarjo|Kabupaten|Jawa Timur|3515|Waru,Taman,Sepanjang||Sidoardjo
Banyuwangi|Kabupaten|Jawa Timur|3510|Rogojampi,Genteng||Banjuwangi
Tangerang|Kota|Banten|3671|Ciledug,Cipondoh||
Serang|Kota|Banten|3673|Cipocok Jaya,Taktakan||
Bekasi|Kota|Jawa Barat|3275|Pondok Gede,Jatiasih||
Karawang|Kabupaten|Jawa Barat|3215|Cikampek,Rengasdengklok||Krawang
Pematangsiantar|Kota|Sumatera Utara|1272|Siantar Barat,Siantar Utara|Siantar|Pematang Siantar,P. Siantar
Bukittinggi|Kota|Sumatera Barat|1375|Guguk Panjang,Mandiangin||Bukit Tinggi`
  .trim()
  .split('\n')
  .map(line => {
    const [name = '', kind, province = '', region = '', districts, otherNames, spellings] = line.split('|')
    return {
      name,
      kind: kind === '' ? null : (kind as Place['kind']),
      province,
      region,
      districts: listOf(districts),
      otherNames: listOf(otherNames),
      spellings: listOf(spellings)
    }
  })

function listOf(text = ''): string[] {
  return text.split(',').filter(item => item !== '')
}
