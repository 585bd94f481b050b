// Packs what was built with Brotli and gzip, so that nobody has to while it is served.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const TEXTS = /\.(html|js|css|svg|json)$/;

for (const name of readdirSync("dist", { recursive: true })) {
  if (!TEXTS.test(name)) continue;
  const path = join("dist", name);
  const plain = readFileSync(path);
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
  for (const [end, packed] of [["br", brotliCompressSync(plain, quality)], ["gz", gzipSync(plain, { level: 9 })]]) {
    if (packed.length < plain.length) writeFileSync(`${path}.${end}`, packed);
  }
}
