import { mrConfigHostData } from '../../../src/attestation/sev-snp/mr-config.js';
import { mrConfigDocument } from '../../../src/simulator/mr-config.js';
import { snpCertificateChain } from '../../../src/simulator/snp-certificates.js';
import { snpLaunchDigest } from '../../../src/simulator/snp-machine.js';
import { createDevelopmentSnpPki } from '../../../src/simulator/snp-pki.js';
import { DEFAULT_POLICY, signSnpReport } from '../../../src/simulator/snp-report.js';
import { readCallerMemory, writeCallerMemory } from './caller-memory.js';
import { ErrnoQueue, NO_SNP_FAULTS, type SnpFaults } from './faults.js';
import { app, imageHash, seed } from './machine.js';
import { ERRNO, refuse, type FileNode, type IoctlCall } from './nodes.js';
import { Tsm } from './tsm.js';

const GET_EXTENDED_REPORT = 0xc0205302;
/** snp_ext_report_req: report data, VMPL, reserved bytes; then where the certificates go, and how long they may be. */
const REQUEST_BYTES = 112;
const VMPL_OFFSET = 64;
const CERTIFICATES_OFFSET = 96;
const RESPONSE_BYTES = 4000;
const REPORT_OFFSET = 32;
const PAGE = 4096;
/** SEV_FW_BLOB_MAX_SIZE. */
const MAX_CERTIFICATES = 0x4000;
/** SNP_GUEST_VMM_ERR_INVALID_LEN. */
const TOO_SHORT = 1;

/** An SEV-SNP guest: configfs-tsm and `/dev/sev-guest` (Linux drivers/virt/coco/sev-guest/sev-guest.c; spec/attestation.md section 1.9). */
export class SnpGuest {
  readonly tsm: Tsm;
  readonly device: FileNode = { kind: 'file', open: () => ({ ioctl: (call) => this.#ioctl(call) }) };
  readonly #pki = createDevelopmentSnpPki(seed);
  readonly #errnos = new ErrnoQueue();
  #faults = NO_SNP_FAULTS;

  constructor() {
    const [table = new Uint8Array()] = snpCertificateChain(this.#pki, 'table');
    this.tsm = new Tsm({ name: 'sev_guest', evidence: (reportData) => this.#report(reportData), auxiliary: () => (this.#faults.certificates ? table : new Uint8Array()) });
  }

  set(faults: SnpFaults): void {
    this.#faults = faults;
    this.#errnos.fill(faults.errnos);
  }

  #report(reportData: Uint8Array): Promise<Uint8Array> {
    const hostData = mrConfigHostData(mrConfigDocument(app));
    return signSnpReport({ version: 3, policy: DEFAULT_POLICY, measurement: snpLaunchDigest(imageHash), hostData, reportData }, this.#pki);
  }

  /** snp_guest_request_ioctl: message version, addresses of request and response, and room for the errors behind an errno. */
  async #ioctl({ request, argument, input, pid }: IoctlCall): Promise<Uint8Array> {
    if (request !== GET_EXTENDED_REPORT) return refuse(ERRNO.ENOTTY);
    if (input.readUInt8(0) === 0) return refuse(ERRNO.EINVAL);
    const [requestAt, responseAt] = [input.readBigUInt64LE(8), input.readBigUInt64LE(16)];
    const errno = this.#errnos.next();
    if (errno !== 0) {
      const failed = Buffer.from(input);
      failed.writeUInt32LE(this.#faults.firmwareError, 24);
      // The driver tells the cause although the call fails.
      writeCallerMemory(pid, argument, failed);
      return refuse(errno);
    }
    const asked = readCallerMemory(pid, requestAt, REQUEST_BYTES);
    if (asked.readUInt32LE(VMPL_OFFSET) !== 0) return refuse(ERRNO.EIO);
    this.#giveCertificates(pid, argument, input, asked);
    const { status, reportBytes, otherReportData } = this.#faults;
    const reportData = asked.subarray(0, 64);
    const report = await this.#report(otherReportData ? reportData.map((byte) => byte ^ 1) : reportData);
    const response = Buffer.alloc(RESPONSE_BYTES);
    response.writeUInt32LE(status, 0);
    response.writeUInt32LE(reportBytes ?? report.length, 4);
    response.set(report, REPORT_OFFSET);
    writeCallerMemory(pid, responseAt, response);
    return input;
  }

  #giveCertificates(pid: number, argument: bigint, input: Buffer, asked: Buffer): void {
    const [address, room] = [asked.readBigUInt64LE(CERTIFICATES_OFFSET), asked.readUInt32LE(CERTIFICATES_OFFSET + 8)];
    if (room % PAGE !== 0 || room > MAX_CERTIFICATES) refuse(ERRNO.EINVAL);
    const { certificates, tableBytes } = this.#faults;
    if (!certificates) return;
    const [made = new Uint8Array()] = snpCertificateChain(this.#pki, 'table');
    const table = tableBytes === null ? made : Buffer.concat([made], tableBytes);
    if (table.length <= room) return writeCallerMemory(pid, address, table);
    const failed = Buffer.from(input);
    failed.writeUInt32LE(TOO_SHORT, 28);
    writeCallerMemory(pid, argument, failed);
    refuse(ERRNO.ENOSPC);
  }
}
