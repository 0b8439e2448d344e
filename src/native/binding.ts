/**
 * What the addon offers, one entry per file of native/src. Members are never optional and never undefined, so
 * that a missing one is always a mistake; the addon answers it with a TypeError naming the member. Paths are
 * absolute. Durations are milliseconds from 1 to 600 000. Byte values are copied before the call returns.
 */

/** spec/attestation.md section 1.1. */
export interface TsmQuoteRequest {
  /** Directory of one configfs-tsm entry. */
  readonly entryPath: string;
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  /** Pause before another try while the device is busy; three tries in all. */
  readonly busyWaitMs: number;
  /** Between looks at the lock and at the generation. */
  readonly pollIntervalMs: number;
  /** How long the generation may take to move. */
  readonly generationWaitMs: number;
  readonly deadlineMs: number;
}

/** spec/attestation.md sections 1.2 and 1.9. */
export interface DeviceReportRequest {
  readonly devicePath: string;
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  readonly deadlineMs: number;
}

/** spec/attestation.md section 1.4. */
export interface ExtendRequest {
  /** RTMR 0 to 3; kernels let user space extend 2 and 3. */
  readonly index: number;
  /** SHA-384, 48 bytes. */
  readonly digest: Uint8Array;
  readonly deadlineMs: number;
}

export interface DeviceExtendRequest extends ExtendRequest {
  readonly devicePath: string;
}

export interface SysfsExtendRequest extends ExtendRequest {
  /** Holds one file `rtmr<index>:sha384` per register. */
  readonly directory: string;
}

/** spec/attestation.md section 1.6. */
export interface NsmDeviceRequest {
  readonly devicePath: string;
  /** CBOR, 1 to 4096 bytes. */
  readonly request: Uint8Array;
  readonly deadlineMs: number;
}

/** spec/attestation.md section 1.3. */
export interface QgsExchangeRequest {
  /** vsock address; 2 is the host. */
  readonly cid: number;
  readonly port: number;
  /** Without the length in front, 1 to 16 384 bytes. */
  readonly message: Uint8Array;
  readonly deadlineMs: number;
}

/** spec/attestation.md section 1.5. */
export interface LockFileRequest {
  /** Created with mode 0600 when missing. */
  readonly path: string;
  readonly pollIntervalMs: number;
  readonly deadlineMs: number;
}

export interface FileLock {
  /** Gives the lock up; a second call does nothing. */
  release(): void;
}

/** spec/attestation.md section 1.7. */
export interface OpenTpmRequest {
  readonly devicePath: string;
  /** Without a resource manager the file is for one at a time: how long to wait for it. */
  readonly deadlineMs: number;
}

export interface TpmCommandRequest {
  /** A whole command, 10 to 4096 bytes. */
  readonly command: Uint8Array;
  readonly deadlineMs: number;
}

/** A TPM's device file, open; what is loaded through it is this file's alone. */
export interface TpmDevice {
  /**
   * The whole response, 10 to 4096 bytes; the response code in it is the caller's to read. One command at a time:
   * DEVICE_BUSY for a second one. After DEVICE_TIMEOUT the next command waits for the end of that one.
   */
  transceive(request: TpmCommandRequest): Promise<Uint8Array>;
  /** Waits for what the TPM still does; a second call does nothing. */
  close(): Promise<null>;
}

/** spec/attestation.md section 1.9. */
export interface SnpExtendedReport {
  /** 1184 bytes. */
  readonly report: Uint8Array;
  /** The kernel's certificate table, padded with zeros to 16 384 bytes; nothing but zeros when the host keeps none. */
  readonly certificates: Uint8Array;
}

/** Of the process that connected, as it was at connect(2). */
export interface PeerCredentials {
  /** 0 when the peer lives in a process namespace this one cannot see. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** vsock(7). */
export interface VsockListenRequest {
  /** A context identifier this machine has, or 0xffffffff for any. */
  readonly cid: number;
  /** 1 to 0xffffffff, which is any free port. */
  readonly port: number;
  /** Connections that may wait to be accepted, 1 to 65 535. */
  readonly backlog: number;
  /** Connections at any one time, 1 to 1 000 000; further ones are closed at once. */
  readonly maxConnections: number;
}

/** A vsock address that is being listened on; given up by close(), and by the collector at the latest. */
export interface VsockListener {
  readonly cid: number;
  /** As bound. */
  readonly port: number;
  /**
   * A unix socket, the caller's from then on: bytes come when connections wait, again only after accept() has answered null, and
   * its end when the last connection is gone after close(). Once only.
   */
  takeBell(): number;
  /** A waiting connection; `fd` is a unix socket in its place, the caller's. null when there is none. After a failure the bell stays silent: ask again later. */
  accept(): { readonly fd: number; readonly cid: number; readonly port: number } | null;
  /** The address is free when it returns; connections stay. A second call does nothing. */
  close(): void;
}

/** vsock(7). */
export interface VsockConnectRequest {
  /** 2 is the host. */
  readonly cid: number;
  /** 1 to 0xffffffff. */
  readonly port: number;
  readonly deadlineMs: number;
}

/** Failures are EvidenceSourceError; the asynchronous operations run on the libuv thread pool. */
/** A point of P-256. */
export interface P256PointRequest {
  /** x‖y, 64 bytes. */
  readonly point: Uint8Array;
}

export interface P256SignatureRequest {
  /** 32 bytes. */
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
}

/** ECDSA on P-256 by the OpenSSL of this process. */
export interface NativeP256Key {
  /** `signature` in DER, at most 80 bytes. False for any that is not good. */
  verify(request: P256SignatureRequest): boolean;
  /** `signature` is r‖s, 64 bytes. */
  verifyRaw(request: P256SignatureRequest): boolean;
}

export interface NativeBinding {
  /** A TDX quote of 1021 to 8191 bytes. */
  tsmQuote(request: TsmQuoteRequest): Promise<Uint8Array>;
  /** A TDREPORT, 1024 bytes. */
  tdxReport(request: DeviceReportRequest): Promise<Uint8Array>;
  /** Extends an RTMR through `/dev/tdx_guest`. */
  tdxExtendRtmr(request: DeviceExtendRequest): Promise<null>;
  /** Extends an RTMR through sysfs. */
  sysfsExtendRtmr(request: SysfsExtendRequest): Promise<null>;
  /** The NSM's CBOR answer, 1 to 12 288 bytes. */
  nsmRequest(request: NsmDeviceRequest): Promise<Uint8Array>;
  /** The quote generation service's answer without its length, 1 to 16 384 bytes. */
  qgsExchange(request: QgsExchangeRequest): Promise<Uint8Array>;
  /** Of a connected unix socket; `fd` stays the caller's. */
  peerCredentials(request: { readonly fd: number }): PeerCredentials;
  /** Excludes every process that locks the same file; DEVICE_BUSY when the deadline passes first. */
  lockFile(request: LockFileRequest): Promise<FileLock>;
  openTpm(request: OpenTpmRequest): Promise<TpmDevice>;
  /** A report for VMPL 0 through `/dev/sev-guest`, which the caller has to hold against `reportData`. */
  snpExtendedReport(request: DeviceReportRequest): Promise<SnpExtendedReport>;
  vsockListen(request: VsockListenRequest): VsockListener;
  /** A unix socket in place of the connection, the caller's. */
  vsockConnect(request: VsockConnectRequest): Promise<number>;
  /** null when the point is not on the curve. @throws Error where the process has no OpenSSL 3 with all this needs */
  p256PublicKey(request: P256PointRequest): NativeP256Key | null;
}
