/** In place of a launch file's path, for a machine process whose machine is not known yet. */
export const SPARE_ARGUMENT = '--spare';
