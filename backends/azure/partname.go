package azure

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/dossier-go/dossier/internal/crc"
)

// partName is what the name of a staged block says about the part of an upload that it belongs to. The service keeps
// nothing of a block but its name and size, so the name is where another process finds what it needs.
type partName struct {
	kind   partKind
	number int
	at     int64   // when it was written, in nanoseconds since 1970: the latest of one number stands
	nonce  [8]byte // tells two writes of one moment apart
	index  uint32  // of a dataBlock, from 1; how many there are, of a sealBlock
	sums   crc.Sums
}

// partKind is what a block is.
type partKind byte

const (
	wholeBlock  partKind = 'w' // a part in one block
	dataBlock   partKind = 'd' // one of several blocks of a part
	sealBlock   partKind = 's' // one byte that is never part of an object: all data blocks of a part are there
	signedBlock partKind = 'p' // a part in one block that the holder of a signed URL sent; its checksums are not known
)

// partNameLength is the length of a name before it is encoded; a multiple of three needs no padding.
const partNameLength = 45

func newPartName(number int) partName {
	p := partName{number: number, at: time.Now().UnixNano()}
	_, _ = rand.Read(p.nonce[:]) // never fails
	return p
}

// signedPart is the block that a signed URL stores. All URLs of one window store the same.
func signedPart(number int, from time.Time, window bool) partName {
	p := newPartName(number)
	p.kind, p.at = signedBlock, from.UnixNano()
	if window {
		p.nonce = [8]byte{}
	}
	return p
}

// name encodes p. All names have one length, as the service demands.
func (p partName) name() string {
	raw := make([]byte, 0, partNameLength)
	raw = append(raw, byte(p.kind))
	raw = binary.BigEndian.AppendUint16(raw, uint16(p.number)) //nolint:gosec // at most 10,000
	raw = binary.BigEndian.AppendUint64(raw, uint64(p.at))     //nolint:gosec // after 1970
	raw = append(raw, p.nonce[:]...)
	raw = binary.BigEndian.AppendUint32(raw, p.index)
	raw = binary.BigEndian.AppendUint64(raw, p.sums.CRC64NVME)
	raw = binary.BigEndian.AppendUint32(raw, p.sums.CRC32C)
	raw = binary.BigEndian.AppendUint64(raw, uint64(p.sums.Size)) //nolint:gosec // not negative
	return base64.StdEncoding.EncodeToString(append(raw, 0, 0))
}

// etag is what a part is known by.
func (p partName) etag() string { return `"` + p.name() + `"` }

// parsePartName reads a name; ok is false for another program's.
func parsePartName(name string) (p partName, ok bool) {
	raw, err := base64.StdEncoding.DecodeString(name)
	if err != nil || len(raw) != partNameLength || !strings.ContainsRune("wdsp", rune(raw[0])) {
		return p, false
	}
	p.kind, p.number = partKind(raw[0]), int(binary.BigEndian.Uint16(raw[1:]))
	p.at = int64(binary.BigEndian.Uint64(raw[3:])) //nolint:gosec // as it was written
	copy(p.nonce[:], raw[11:])
	p.index = binary.BigEndian.Uint32(raw[19:])
	p.sums.CRC64NVME, p.sums.CRC32C = binary.BigEndian.Uint64(raw[23:]), binary.BigEndian.Uint32(raw[31:])
	p.sums.Size = int64(binary.BigEndian.Uint64(raw[35:])) //nolint:gosec // as it was written
	return p, p.name() == name && p.sums.Size >= 0
}

// parsePartETag reads what etag made.
func parsePartETag(etag string) (partName, bool) {
	name, opened := strings.CutPrefix(etag, `"`)
	name, closed := strings.CutSuffix(name, `"`)
	p, ok := parsePartName(name)
	return p, ok && opened && closed && p.kind != dataBlock
}

// later reports whether p replaces q.
func (p partName) later(q partName) bool {
	return p.at > q.at || p.at == q.at && string(p.nonce[:]) > string(q.nonce[:])
}

// blocks are the names of the blocks that hold the part, in order.
func (p partName) blocks() []string {
	if p.kind != sealBlock {
		return []string{p.name()}
	}
	names := make([]string, p.index)
	data := p
	data.kind, data.sums = dataBlock, crc.Sums{}
	for i := range names {
		data.index = uint32(i + 1) //nolint:gosec // at most 50,000
		names[i] = data.name()
	}
	return names
}
