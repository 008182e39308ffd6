import {SBI_ERR_NOT_SUPPORTED, SBI_SUCCESS, type SbiExtension} from '../contract.js';

/**
 * Timer: one deadline per hart, in ticks of the `time` CSR. Allocates nothing.
 * Source: RISC-V SBI 2.0 chapter 6
 */
export const time: SbiExtension = {
  name: 'TIME',
  ids: [0x5449_4d45],
  call(call, host) {
    if (call.function !== 0) return SBI_ERR_NOT_SUPPORTED;
    host.setTimer(call.hart, call.low(0), call.high(0));
    return SBI_SUCCESS;
  },
};
