/** SVG pictures as PNG, with fonts of the program's own: a host may have none. */
import {readFile} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';

const FAMILY = 'DejaVu Sans Mono';
// The third has what the first two lack: braille, for one.
const FONTS = ['DejaVuSansMono.ttf', 'DejaVuSansMono-Bold.ttf', 'DejaVuSans.ttf'];

/** Pixels of the picture for one of the SVG's: letters of 14 are hard to read on screens of today. */
const ZOOM = 2;

let renderer: Promise<typeof import('@resvg/resvg-wasm')> | undefined;

/** Draws a picture. Text in scripts that the fonts do not have (Chinese, Japanese, Korean) is left blank. */
export async function renderPng(svg: string): Promise<Uint8Array> {
  renderer ??= loadRenderer();
  const [{Resvg}, ...fontBuffers] = await Promise.all([
    renderer,
    ...FONTS.map((name) => readPackageFile(`dejavu-fonts-ttf/ttf/${name}`)),
  ]);
  const picture = new Resvg(svg, {
    fitTo: {mode: 'zoom', value: ZOOM},
    font: {fontBuffers, loadSystemFonts: false, defaultFontFamily: FAMILY, monospaceFamily: FAMILY},
  });
  try {
    const image = picture.render();
    const png = image.asPng();
    image.free();
    return png;
  } finally {
    picture.free();
  }
}

// Loaded when a picture is wanted: it is 2.5 MB.
async function loadRenderer(): Promise<typeof import('@resvg/resvg-wasm')> {
  const resvg = await import('@resvg/resvg-wasm');
  await resvg.initWasm(await readPackageFile('@resvg/resvg-wasm/index_bg.wasm'));
  return resvg;
}

async function readPackageFile(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(fileURLToPath(import.meta.resolve(name))));
}
