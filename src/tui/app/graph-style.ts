import type {SparkStyle} from '../graphs/sparkline.js';
import {text} from '../text/text.js';

const STYLES: readonly SparkStyle[] = ['braille', 'block', 'ascii'];

/**
 * The characters that graphs are made of: what VIVARIUM_GRAPHS says, else braille. A terminal without UTF-8 gets ASCII
 * whatever it says. Errors: throws with one sentence for any other value
 */
export function graphStyle(env: NodeJS.ProcessEnv, isAscii: boolean): SparkStyle {
  const wanted = env['VIVARIUM_GRAPHS'] || 'braille';
  const style = STYLES.find((one) => one === wanted);
  if (style === undefined) throw new Error(text.settings.badGraphs(STYLES, wanted));
  return isAscii ? 'ascii' : style;
}
