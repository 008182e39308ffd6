/** Charts of a machine: titles with the unit of what is drawn, and numbers beside them. */
export const graphs = {
  titles: {
    cpu: 'CPU %',
    memory: (unit: string) => `Memory ${unit}`,
    disk: (unit: string) => `Disk ${unit}/s`,
    net: (unit: string) => `Net ${unit}/s`,
    interrupts: (unit: string) => `Interrupts ${unit}/s`,
    mips: 'MIPS',
  },
  legend: {
    host: (percent: string) => `host ${percent}`,
    held: (size: string) => `held ${size}`,
    cache: (size: string) => `cache ${size}`,
    used: (size: string) => `used ${size}`,
    read: (size: string) => `r ${size}`,
    written: (size: string) => `w ${size}`,
    received: (size: string) => `rx ${size}`,
    sent: (size: string) => `tx ${size}`,
    operations: (counts: string) => `${counts} ops`,
    packets: (counts: string) => `${counts} pkts`,
  },
};
