package dossier_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/dossier-go/dossier"
)

// received reads a source as a backend does.
func received(ctx context.Context, src dossier.Source, opts dossier.PutOptions) ([]byte, *dossier.Incoming, error) {
	in, err := dossier.Receive(ctx, src, opts)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	content, err := io.ReadAll(in)
	return content, in, err
}

// withDone runs a test with a context that never ends, and with one that may, where sources are read in a goroutine.
func withDone(t *testing.T, test func(t *testing.T, ctx context.Context)) {
	t.Helper()
	test(t, context.WithoutCancel(t.Context()))
	test(t, t.Context())
}

func unseekable(s string) io.Reader { return io.MultiReader(strings.NewReader(s)) }

var errSource = errors.New("the disk of the sender broke")

type sourceCase struct {
	reader io.Reader
	size   int64
	max    int64
	want   error
}

// sourceCases are sources of "0123456789" and what becomes of them.
func sourceCases() map[string]sourceCase {
	const content = "0123456789"
	broken := func(after string, err error) io.Reader {
		return io.MultiReader(strings.NewReader(after), iotest.ErrReader(err))
	}
	return map[string]sourceCase{
		"known size":             {unseekable(content), 10, 0, nil},
		"unknown size":           {unseekable(content), -1, 0, nil},
		"at the limit":           {unseekable(content), -1, 10, nil},
		"over the limit":         {unseekable(content), -1, 9, dossier.ErrTooLarge},
		"declared over limit":    {unseekable(content), 10, 9, dossier.ErrTooLarge},
		"declared larger":        {unseekable(content), 11, 0, dossier.ErrShortSource},
		"declared smaller":       {unseekable(content), 9, 0, dossier.ErrInvalid},
		"declared empty":         {unseekable(content), 0, 0, dossier.ErrInvalid},
		"fails at once":          {broken("", errSource), -1, 0, errSource},
		"fails at the end":       {broken(content, errSource), 10, 0, errSource},
		"wraps EOF":              {broken(content, fmt.Errorf("connection: %w", io.EOF)), -1, 0, io.EOF},
		"ends unexpectedly":      {broken(content, io.ErrUnexpectedEOF), -1, 0, io.ErrUnexpectedEOF},
		"one byte at a time":     {iotest.OneByteReader(unseekable(content)), 10, 0, nil},
		"EOF with the last byte": {iotest.DataErrReader(unseekable(content)), 10, 0, nil},
		"error with bytes":       {iotest.DataErrReader(broken(content, errSource)), 10, 0, errSource},
		"reads nothing forever":  {emptyReader{}, -1, 0, io.ErrNoProgress},
		"count too large":        {lyingReader{count: 1 << 20}, -1, 0, dossier.ErrInvalid},
		"count negative":         {lyingReader{count: -1}, -1, 0, dossier.ErrInvalid},
	}
}

// A backend commits at io.EOF and nowhere else, so every kind of wrong source must end in another error.
func TestReceiveEndsInEOFOnlyForTheWholeSource(t *testing.T) {
	t.Parallel()
	withDone(t, func(t *testing.T, ctx context.Context) {
		t.Helper()
		for name, row := range sourceCases() {
			in, err := dossier.Receive(ctx, dossier.ReaderSource(row.reader, row.size), dossier.PutOptions{MaxSize: row.max})
			var got []byte
			if err == nil {
				got, err = untilEOF(in)
				in.Close()
			}
			if row.want != nil {
				if !errors.Is(err, row.want) {
					t.Errorf("%s: %v, want %v", name, err, row.want)
				}
				continue
			}
			if err != nil || string(got) != "0123456789" || in.Size() != 10 || !bytes.Equal(in.Checksums().CRC32C, crc32c("0123456789")) {
				t.Errorf("%s: %q, %v, %d bytes, %x", name, got, err, in.Size(), in.Checksums().CRC32C)
			}
		}
	})
}

// untilEOF reads until exactly io.EOF, as io.Copy does.
func untilEOF(r io.Reader) ([]byte, error) {
	var all bytes.Buffer
	_, err := io.Copy(&all, r)
	return all.Bytes(), err
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, nil }

type lyingReader struct{ count int }

func (l lyingReader) Read([]byte) (int, error) { return l.count, nil }

// A backend that goes on reading after an error, as a retrying copy loop may, must not find io.EOF there.
func TestReceiveErrorsAreFinal(t *testing.T) {
	t.Parallel()
	in := must[*dossier.Incoming](t)(dossier.Receive(t.Context(), dossier.ReaderSource(unseekable("0123"), 5), dossier.PutOptions{}))
	defer in.Close()
	_, first := io.ReadAll(in)
	for range 3 {
		if n, err := in.Read(make([]byte, 8)); n != 0 || !errors.Is(err, first) || first == nil {
			t.Errorf("%d, %v; want the first error %v again", n, err, first)
		}
	}
}

// The sums are those of well-known algorithms over exactly these bytes, in network byte order.
func TestReceiveChecksEachChecksum(t *testing.T) {
	t.Parallel()
	const content = "The quick brown fox jumps over the lazy dog"
	sha, md := sha256.Sum256([]byte(content)), md5.Sum([]byte(content))
	nvme := crc64.Checksum([]byte(content), crc64.MakeTable(0x9A6C9329AC4BC9B5))
	right := dossier.Checksums{CRC32C: crc32c(content), SHA256: sha[:], MD5: md[:]}
	for shift := 56; shift >= 0; shift -= 8 {
		right.CRC64NVME = append(right.CRC64NVME, byte(nvme>>shift))
	}
	if got := fmt.Sprintf("%x", right.CRC32C); got != "22620404" {
		t.Fatalf("CRC32C %s", got) // the value of RFC 3720's polynomial for this sentence
	}
	if _, _, err := received(t.Context(), dossier.BytesSource([]byte(content)), dossier.PutOptions{Expect: right}); err != nil {
		t.Errorf("right checksums: %v", err)
	}
	for name, wrong := range map[string]dossier.Checksums{
		"CRC32C": {CRC32C: make([]byte, 4)}, "CRC64NVME": {CRC64NVME: make([]byte, 8)},
		"SHA-256": {SHA256: make([]byte, 32)}, "MD5": {MD5: make([]byte, 16)},
	} {
		_, _, err := received(t.Context(), dossier.BytesSource([]byte(content)), dossier.PutOptions{Expect: wrong})
		if !errors.Is(err, dossier.ErrChecksum) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want ErrChecksum that names it", name, err)
		}
	}
}

// CRC64NVME of "123456789" is given in the NVM Express base specification's catalogue entry as ae8b14860a799888.
func TestReceiveKnowsTheCheckValueOfCRC64NVME(t *testing.T) {
	t.Parallel()
	want := []byte{0xae, 0x8b, 0x14, 0x86, 0x0a, 0x79, 0x98, 0x88}
	opts := dossier.PutOptions{Expect: dossier.Checksums{CRC64NVME: want}}
	if _, _, err := received(t.Context(), dossier.BytesSource([]byte("123456789")), opts); err != nil {
		t.Error(err)
	}
}

// Whether a caller cancels with or without a cause, errors.Is(err, context.Canceled) is how programs ask.
func TestReceiveErrorIsTheContextsWithAndWithoutCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("the user left")
	before, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := dossier.Receive(before, dossier.BytesSource(nil), dossier.PutOptions{}); !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
		t.Errorf("cancelled before: %v", err)
	}
	late, stop := context.WithTimeoutCause(t.Context(), -time.Second, cause)
	defer stop()
	if _, err := dossier.Receive(late, dossier.BytesSource(nil), dossier.PutOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("late: %v", err)
	}
	for name, reader := range map[string]io.Reader{"patient": bytes.NewReader(make([]byte, 9)), "pumped": unseekable("012345678")} {
		during, cancel := context.WithCancelCause(t.Context())
		in := must[*dossier.Incoming](t)(dossier.Receive(during, dossier.ReaderSource(reader, -1), dossier.PutOptions{}))
		defer in.Close()
		must[int](t)(in.Read(make([]byte, 1)))
		cancel(cause)
		if _, err := io.ReadAll(in); !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
			t.Errorf("%s, cancelled during: %v", name, err)
		}
	}
}

// A progress bar must not go back, and must end at the size.
func TestReceiveReportsProgress(t *testing.T) {
	t.Parallel()
	var seen []int64
	opts := dossier.PutOptions{Progress: func(n int64) { seen = append(seen, n) }}
	if _, _, err := received(t.Context(), dossier.ReaderSource(iotest.OneByteReader(unseekable("abc")), 3), opts); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(seen) != "[1 2 3]" {
		t.Errorf("%v", seen)
	}
}

// A source known to be too large costs nothing: not even a connection to where it comes from.
func TestReceiveRefusesADeclaredSizeBeforeOpening(t *testing.T) {
	t.Parallel()
	src := dossier.OpenerSource(func() (io.ReadCloser, error) { t.Error("opened"); return nil, errSource }, 11)
	if _, err := dossier.Receive(t.Context(), src, dossier.PutOptions{MaxSize: 10}); !errors.Is(err, dossier.ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
}

func ExampleReceive() {
	src := dossier.ReaderSource(strings.NewReader("too short"), 100)
	in, err := dossier.Receive(context.Background(), src, dossier.PutOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer in.Close()
	n, err := io.Copy(io.Discard, in) // a backend commits only if err is nil
	fmt.Println(n, err)
	// Output: 9 source is shorter than declared: 9 of 100 bytes
}
