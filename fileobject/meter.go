package fileobject

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strings"

	"github.com/dossier-go/dossier"
)

// meter counts and hashes what is uploaded, and enforces policy and expectations while the bytes pass, so that a backend
// never sees io.EOF for content that must not be stored.
type meter struct {
	reader io.ReadCloser
	policy Policy
	head   []byte // what the type was found in: the bytes must begin so …
	ended  bool   // … and be no more
	sums   map[string]hash.Hash
	expect dossier.Checksums
	bytes  int64
	onEnd  func(checksum string)
}

func newMeter(r io.ReadCloser, policy Policy, expect dossier.Checksums) *meter {
	m := &meter{reader: r, policy: policy, expect: expect, sums: map[string]hash.Hash{policy.Checksum: newHash(policy.Checksum)}}
	for algorithm, want := range expected(expect) {
		if m.sums[algorithm] == nil && want != nil {
			m.sums[algorithm] = newHash(algorithm)
		}
	}
	return m
}

func newHash(algorithm string) hash.Hash {
	if algorithm == "sha256" {
		return sha256.New()
	}
	return crc32.New(crc32.MakeTable(crc32.Castagnoli))
}

func expected(c dossier.Checksums) map[string][]byte {
	return map[string][]byte{"crc32c": c.CRC32C, "sha256": c.SHA256}
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := readOnce(m.reader, p)
	if problem := m.take(p[:n]); problem != nil {
		return n, problem
	}
	if err == io.EOF { //nolint:errorlint // a wrapped io.EOF is a failure of the reader
		if problem := m.atEnd(); problem != nil {
			return n, problem
		}
	}
	return n, err
}

func (m *meter) take(b []byte) error {
	if m.bytes < int64(len(m.head)) {
		want := m.head[m.bytes:]
		known := min(len(want), len(b))
		if !bytes.Equal(b[:known], want[:known]) {
			return errChanged()
		}
	}
	m.bytes += int64(len(b))
	if m.ended && m.bytes > int64(len(m.head)) {
		return errChanged()
	}
	for _, sum := range m.sums {
		sum.Write(b)
	}
	if m.policy.Max > 0 && m.bytes > m.policy.Max {
		return m.policy.CheckSize(m.bytes)
	}
	return nil
}

func errChanged() error {
	return fmt.Errorf("%w: the source delivers other bytes than those that its type was found in", dossier.ErrInvalid)
}

func (m *meter) atEnd() error {
	if m.bytes < int64(len(m.head)) {
		return errChanged()
	}
	if err := m.policy.CheckSize(m.bytes); err != nil {
		return err
	}
	for algorithm, want := range expected(m.expect) {
		if want == nil {
			continue
		}
		if have := m.sums[algorithm].Sum(nil); !bytes.Equal(have, want) {
			return fmt.Errorf("%w: %s is %x, expected %x", dossier.ErrChecksum, algorithm, have, want)
		}
	}
	m.onEnd(m.policy.Checksum + ":" + hex.EncodeToString(m.sums[m.policy.Checksum].Sum(nil)))
	return nil
}

func (m *meter) Close() error { return m.reader.Close() }

// parseChecksum reads "crc32c:<hex>" or "sha256:<hex>".
func parseChecksum(text string) (algorithm string, sum []byte, err error) {
	algorithm, digits, _ := strings.Cut(text, ":")
	sum, err = hex.DecodeString(digits)
	want := map[string]int{"crc32c": 4, "sha256": 32}[algorithm]
	if err != nil || want == 0 || len(sum) != want {
		return "", nil, fmt.Errorf("checksum %q: %w; want crc32c:<8 hex digits> or sha256:<64 hex digits>", text, dossier.ErrInvalid)
	}
	return algorithm, sum, nil
}

// ParseChecksum reads a checksum in the form of dossier.Record, "crc32c:<hex>" or "sha256:<hex>"; "" is none. Errors:
// dossier.ErrInvalid.
func ParseChecksum(text string) (dossier.Checksums, error) {
	if text == "" {
		return dossier.Checksums{}, nil
	}
	algorithm, sum, err := parseChecksum(text)
	if err != nil {
		return dossier.Checksums{}, err
	}
	if algorithm == "sha256" {
		return dossier.Checksums{SHA256: sum}, nil
	}
	return dossier.Checksums{CRC32C: sum}, nil
}
