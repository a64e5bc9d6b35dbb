package backendtest

import (
	"crypto/md5" //nolint:gosec // a checksum that stores ask for, not a secret
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc64"
	"strings"

	"github.com/dossier-go/dossier"
)

// pattern is a content of size bytes in which no two stretches are alike; other seeds give other contents.
func pattern(seed string, size int) string {
	var b strings.Builder
	for b.Len() < size {
		fmt.Fprintf(&b, "%s-%d|", seed, b.Len())
	}
	return b.String()[:size]
}

// brief shortens a text for messages.
func brief(s string) string {
	const most = 60
	if len(s) > most {
		return fmt.Sprintf("%q… (%d bytes)", s[:most], len(s))
	}
	return fmt.Sprintf("%q", s)
}

// hugeOffset is the largest position in an object.
const hugeOffset = 1<<63 - 1

// sumsOf returns the checksums of content, one algorithm in each.
func sumsOf(content string) []dossier.Checksums {
	sha, md := sha256.Sum256([]byte(content)), md5.Sum([]byte(content))
	nvme := crc64.Checksum([]byte(content), crc64.MakeTable(0x9A6C9329AC4BC9B5))
	return []dossier.Checksums{
		{CRC32C: crc32c(content)}, {CRC64NVME: binary.BigEndian.AppendUint64(nil, nvme)}, {SHA256: sha[:]}, {MD5: md[:]},
	}
}
