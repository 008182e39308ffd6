import {SBI_ERR_INVALID_PARAM, SBI_ERR_NOT_SUPPORTED, SBI_SUCCESS, type SbiExtension} from '../contract.js';
import {isHartMaskValid, isInHartMask} from '../hart-mask.js';

/**
 * Inter-processor interrupts. Allocates nothing.
 * Source: RISC-V SBI 2.0 chapter 7
 */
export const ipi: SbiExtension = {
  name: 'IPI',
  ids: [0x73_5049],
  call(call, host) {
    if (call.function !== 0) return SBI_ERR_NOT_SUPPORTED;
    if (!isHartMaskValid(call, host)) return SBI_ERR_INVALID_PARAM;
    for (let hart = 0; hart < host.hartCount; hart++) {
      if (isInHartMask(call, hart)) host.sendIpi(hart);
    }
    return SBI_SUCCESS;
  },
};
