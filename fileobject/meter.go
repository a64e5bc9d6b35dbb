package fileobject

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strings"

	"github.com/dossier-go/dossier"
)

// meter counts and hashes what is uploaded, and enforces the policy's sizes at the end of the bytes, so that a backend
// never sees io.EOF for content that must not be stored.
type meter struct {
	reader io.ReadCloser
	policy Policy
	sum    hash.Hash
	bytes  int64
	onEnd  func(size int64, checksum string) error
}

func newHash(algorithm string) hash.Hash {
	if algorithm == "sha256" {
		return sha256.New()
	}
	return crc32.New(crc32.MakeTable(crc32.Castagnoli))
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.reader.Read(p)
	if n > 0 {
		m.bytes += int64(n)
		m.sum.Write(p[:n])
		if m.policy.Max > 0 && m.bytes > m.policy.Max {
			return n, m.policy.CheckSize(m.bytes)
		}
	}
	if err == io.EOF { //nolint:errorlint // a wrapped io.EOF is a failure of the reader
		if problem := m.atEnd(); problem != nil {
			return n, problem
		}
	}
	return n, err
}

func (m *meter) atEnd() error {
	if err := m.policy.CheckSize(m.bytes); err != nil {
		return err
	}
	return m.onEnd(m.bytes, m.policy.Checksum+":"+hex.EncodeToString(m.sum.Sum(nil)))
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

// expectation turns a stored checksum into what a backend compares.
func expectation(text string) (dossier.Checksums, error) {
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
