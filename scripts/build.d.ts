/** Builds every entry of the bundle into dist/. */
export function build(): Promise<void>;
