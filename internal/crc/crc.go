// Package crc computes the two checksums that object stores verify: CRC-64/NVME (S3, R2, Azure, and compatible
// servers) and CRC32C (Google Cloud Storage, S3). Both are detection of accidents, not of attackers.
package crc

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/minio/crc64nvme"
)

// castagnoli is the table of CRC32C (RFC 3720, appendix B.4); the standard library computes it in hardware.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// NVME returns the CRC-64/NVME of p, as in the NVM Command Set Specification 1.0d, section 5.2.1.3.4: the checksum that
// S3 calls CRC64NVME and Azure calls CRC64.
func NVME(p []byte) uint64 { return crc64nvme.Checksum(p) }

// Sums holds the running checksums of a stream. Its zero value is that of the empty stream. It is for one goroutine.
type Sums struct {
	CRC64NVME uint64 // as [NVME] returns it
	CRC32C    uint32 // RFC 3720, appendix B.4
	Size      int64  // bytes written so far
}

// Write adds p to the checksums; it never fails. It implements [io.Writer].
func (s *Sums) Write(p []byte) (int, error) {
	s.CRC64NVME = crc64nvme.Update(s.CRC64NVME, p)
	s.CRC32C = crc32.Update(s.CRC32C, castagnoli, p)
	s.Size += int64(len(p))
	return len(p), nil
}

// Of returns the checksums of p.
func Of(p []byte) Sums {
	var s Sums
	s.Write(p) //nolint:errcheck // it never fails
	return s
}

// Bytes64 returns v in network byte order, as stores transmit a CRC-64/NVME (mostly in base64).
func Bytes64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

// Bytes32 returns v in network byte order, as stores transmit a CRC32C (mostly in base64).
func Bytes32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }
