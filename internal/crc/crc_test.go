package crc_test

import (
	"bytes"
	"encoding/base64"
	"hash/crc32"
	"hash/crc64"
	"math/rand/v2"
	"testing"

	"github.com/dossier-go/dossier/internal/crc"
)

// The published check values: what any other implementation gives for the digits 1 to 9 (catalogue of parametrised CRC
// algorithms, CRC-64/NVME and CRC-32/ISCSI), so what stores expect.
func TestSumsHaveThePublishedCheckValues(t *testing.T) {
	t.Parallel()
	digits := []byte("123456789")
	want := crc.Sums{CRC64NVME: 0xAE8B14860A799888, CRC32C: 0xE3069283, Size: 9}
	if got := crc.Of(digits); got != want || crc.NVME(digits) != want.CRC64NVME {
		t.Errorf("%+v, want %+v", got, want)
	}
	if crc.Of(nil) != (crc.Sums{}) {
		t.Error("the zero value is not that of no bytes")
	}
}

// A stream has the same checksums however it is cut into writes, at lengths that take each path of the fast code.
func TestSumsDoNotDependOnHowTheStreamIsCut(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 7, 15, 16, 127, 128, 129, 1000, 4096, 100_003} {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(random.Uint32())
		}
		want := crc.Sums{
			CRC64NVME: crc64.Checksum(content, crc64.MakeTable(0x9A6C9329AC4BC9B5)),
			CRC32C:    crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli)),
			Size:      int64(size),
		}
		var got crc.Sums
		for rest := content; len(rest) > 0; {
			n := 1 + random.IntN(min(len(rest), 3000))
			if written, err := got.Write(rest[:n]); written != n || err != nil {
				t.Fatalf("Write returned %d, %v", written, err)
			}
			rest = rest[n:]
		}
		if got != want || crc.Of(content) != want {
			t.Errorf("%d bytes: %+v, want %+v", size, got, want)
		}
	}
}

// The wire form is big-endian: S3 shows this value for the CRC64NVME of an empty object.
func TestBytesAreInNetworkOrder(t *testing.T) {
	t.Parallel()
	if got := base64.StdEncoding.EncodeToString(crc.Bytes64(0)); got != "AAAAAAAAAAA=" {
		t.Error(got)
	}
	if got := crc.Bytes64(0x0102030405060708); !bytes.Equal(got, []byte{1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Error(got)
	}
	if got := crc.Bytes32(0x01020304); !bytes.Equal(got, []byte{1, 2, 3, 4}) {
		t.Error(got)
	}
}

func BenchmarkSums(b *testing.B) {
	content := make([]byte, 64<<10)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		crc.Of(content)
	}
}
