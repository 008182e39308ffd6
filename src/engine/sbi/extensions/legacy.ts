import {SBI_ERR_NOT_SUPPORTED, SBI_SUCCESS, type SbiExtension} from '../contract.js';

const SET_TIMER = 0;
const CONSOLE_PUTCHAR = 1;
const CONSOLE_GETCHAR = 2;
const CLEAR_IPI = 3;
const SHUTDOWN = 8;

/**
 * The calls of SBI 0.1 that early consoles still probe for. Those that pass hart masks by virtual address (send IPI and
 * remote fences, 4 to 7) are not offered: IPI and RFENCE replaced them. The result stands in a0, a1 stays as it is.
 * Source: RISC-V SBI 2.0 chapter 5
 */
export const legacy: SbiExtension = {
  name: 'legacy',
  ids: [SET_TIMER, CONSOLE_PUTCHAR, CONSOLE_GETCHAR, CLEAR_IPI, SHUTDOWN],
  call(call, host, reply) {
    reply.registers = 'error';
    switch (call.extension) {
      case SET_TIMER:
        host.setTimer(call.hart, call.low(0), call.high(0));
        return SBI_SUCCESS;
      case CONSOLE_PUTCHAR:
        host.consoleWriteByte(call.low(0) & 0xff);
        return SBI_SUCCESS;
      case CONSOLE_GETCHAR:
        return host.consoleReadByte();
      case CLEAR_IPI:
        host.clearIpi(call.hart);
        return SBI_SUCCESS;
      case SHUTDOWN:
        reply.registers = 'none';
        host.resetSystem('shutdown', false);
        return SBI_SUCCESS;
      default:
        return SBI_ERR_NOT_SUPPORTED;
    }
  },
};
