declare module 'blessed' {
  const blessed: import('./blessed-types.js').Blessed;
  export = blessed;
}

declare module 'blessed-contrib/lib/widget/charts/line.js' {
  const line: (options: object) => import('./blessed-types.js').LineWidget;
  export = line;
}
