declare module 'blessed' {
  const blessed: import('./blessed-types.js').Blessed;
  export = blessed;
}

declare module 'blessed-contrib/lib/widget/charts/line.js' {
  const line: (options: object) => import('./blessed-types.js').LineWidget;
  export = line;
}

declare module 'blessed-contrib/lib/widget/gauge.js' {
  const gauge: (options: object) => import('./blessed-types.js').GaugeWidget;
  export = gauge;
}

declare module 'blessed-contrib/lib/widget/donut.js' {
  const donut: (options: object) => import('./blessed-types.js').DonutWidget;
  export = donut;
}

declare module 'blessed-contrib/lib/widget/table.js' {
  const table: (options: object) => import('./blessed-types.js').TableWidget;
  export = table;
}
