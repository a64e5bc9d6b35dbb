package dossier_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dossier-go/dossier"
)

// pieces reads a source with Next to its end.
func pieces(ctx context.Context, t *testing.T, src dossier.Source, opts dossier.PutOptions, size int) ([][]byte, dossier.Checksums, error) {
	t.Helper()
	in, err := dossier.Receive(ctx, src, opts)
	if err != nil {
		return nil, dossier.Checksums{}, err
	}
	defer in.Close()
	var all [][]byte
	for buffer := make([]byte, size); ; {
		chunk, err := in.Next(buffer)
		all = append(all, bytes.Clone(chunk))
		if err != nil {
			return all, in.Checksums(), err
		}
	}
}

// However a source delivers its bytes, Next gives them whole, in full pieces, with their checksum, and ends only with
// io.EOF: a store writes what Next gives, so a piece too few or too many would be a torn object.
func TestNextDeliversEveryByteOnce(t *testing.T) {
	t.Parallel()
	content := []byte(strings.Repeat("0123456789", 100))
	for name, src := range map[string]func() dossier.Source{
		"memory": func() dossier.Source { return dossier.BytesSource(content) },
		"reader": func() dossier.Source { return dossier.ReaderSource(bytes.NewReader(content), -1) },
		"by one": func() dossier.Source {
			return dossier.ReaderSource(iotest.OneByteReader(bytes.NewReader(content)), 1000)
		},
		"and EOF": func() dossier.Source {
			return dossier.ReaderSource(iotest.DataErrReader(bytes.NewReader(content)), 1000)
		},
	} {
		for _, size := range []int{1, 7, 999, 1000, 1001, 4096} {
			all, sums, err := pieces(t.Context(), t, src(), dossier.PutOptions{}, size)
			if err != io.EOF || !bytes.Equal(bytes.Join(all, nil), content) || !bytes.Equal(sums.CRC32C, crc32c(string(content))) {
				t.Errorf("%s by %d: %d pieces, %v", name, size, len(all), err)
			}
			for i, piece := range all {
				if len(piece) < size && i < len(all)-2 {
					t.Errorf("%s by %d: piece %d has %d bytes", name, size, i, len(piece))
				}
			}
		}
	}
	if all, _, err := pieces(t.Context(), t, dossier.BytesSource([]byte{}), dossier.PutOptions{}, 10); err != io.EOF || len(bytes.Join(all, nil)) > 0 {
		t.Errorf("empty: %q, %v", all, err)
	}
}

// What fails a Put by Read fails it by Next: limits, checksums and the end of the context hold for a source in memory too.
func TestNextFailsWhatReadFails(t *testing.T) {
	t.Parallel()
	wrong := dossier.PutOptions{Expect: dossier.Checksums{CRC32C: []byte{1, 2, 3, 4}}}
	if _, _, err := pieces(t.Context(), t, dossier.BytesSource([]byte("content")), wrong, 3); !errors.Is(err, dossier.ErrChecksum) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	in, err := dossier.Receive(ctx, dossier.BytesSource([]byte("content")), dossier.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if chunk, err := in.Next(make([]byte, 3)); string(chunk) != "con" || err != nil {
		t.Errorf("%q, %v", chunk, err)
	}
	cancel()
	for range 2 {
		if chunk, err := in.Next(make([]byte, 3)); len(chunk) > 0 || !errors.Is(err, context.Canceled) {
			t.Errorf("after the end of the context: %q, %v", chunk, err)
		}
	}
}
