package dossier_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dossier-go/dossier"
)

func object(content string, size int64, sum []byte) *dossier.Object {
	info := dossier.Info{Key: "a/b", Size: size, Checksums: dossier.Checksums{CRC32C: sum}}
	return dossier.NewObject(info, 0, size, io.NopCloser(strings.NewReader(content)))
}

// An Object is an io.Reader in every respect that the standard library's own test knows.
func TestObjectReads(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "x", strings.Repeat("content ", 1000)} {
		o := object(content, int64(len(content)), crc32c(content)).Verified()
		if err := iotest.TestReader(o, []byte(content)); err != nil {
			t.Errorf("%d bytes: %v", len(content), err)
		}
	}
}

// A truncated download that looks complete is how files get lost.
func TestObjectThatEndsEarlyIsErrUnexpectedEOF(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "conten"} {
		o := object(content, 7, nil)
		for range 2 {
			got, err := io.ReadAll(o)
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q, %v; want io.ErrUnexpectedEOF", got, err)
			}
		}
	}
	o := dossier.NewObject(dossier.Info{Size: 9}, 0, 9, io.NopCloser(iotest.DataErrReader(strings.NewReader("content"))))
	if _, err := io.ReadAll(o); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("EOF with the last bytes: %v", err)
	}
}

// A backend that sends more than it announced must not make the reader deliver bytes of something else.
func TestObjectDeliversNoMoreThanItSays(t *testing.T) {
	t.Parallel()
	got, err := io.ReadAll(object("content and more", 7, nil))
	if err != nil || string(got) != "content" {
		t.Errorf("%q, %v", got, err)
	}
}

// Bytes that rotted on a disk must not reach a user as if they were right.
func TestObjectVerifiesAFullRead(t *testing.T) {
	t.Parallel()
	o := object("cOntent", 7, crc32c("content")).Verified()
	got, err := io.ReadAll(o)
	if !errors.Is(err, dossier.ErrChecksum) || len(got) != 7 {
		t.Errorf("%q, %v; want the bytes, then ErrChecksum", got, err)
	}
	if _, err := o.Read(make([]byte, 1)); !errors.Is(err, dossier.ErrChecksum) {
		t.Errorf("read again: %v, want ErrChecksum again", err)
	}
}

// A part of an object has another checksum than the whole; checking it would fail good reads.
func TestObjectDoesNotVerifyWhatItCannot(t *testing.T) {
	t.Parallel()
	info := dossier.Info{Size: 7, Checksums: dossier.Checksums{CRC32C: crc32c("content")}}
	for name, o := range map[string]*dossier.Object{
		"range":       dossier.NewObject(info, 1, 4, io.NopCloser(strings.NewReader("ont"))).Verified(),
		"beginning":   dossier.NewObject(info, 0, 3, io.NopCloser(strings.NewReader("con"))).Verified(),
		"no checksum": object("cOntent", 7, nil).Verified(),
		"not asked":   object("cOntent", 7, crc32c("content")),
	} {
		if _, err := io.ReadAll(o); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	half := object("cOntent", 7, crc32c("content"))
	must[int](t)(half.Read(make([]byte, 3)))
	if _, err := io.ReadAll(half.Verified()); err != nil {
		t.Errorf("asked after the first read: %v", err)
	}
}

// Using a closed Object is a bug that must be told, and closing twice is what "defer" and an early Close do together.
func TestObjectAfterClose(t *testing.T) {
	t.Parallel()
	body := &closeCounter{Reader: strings.NewReader("content")}
	o := dossier.NewObject(dossier.Info{Key: "a/b", Size: 7}, 0, 7, body)
	for range 2 {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	if body.closed != 1 {
		t.Errorf("the body was closed %d times", body.closed)
	}
	_, err := o.Read(make([]byte, 1))
	if !errors.Is(err, dossier.ErrClosed) || err.Error() != "read a/b: closed" {
		t.Errorf("read after Close: %v", err)
	}
}

// Serving uses sendfile only when it can see the file.
func TestObjectOffersItsFile(t *testing.T) {
	t.Parallel()
	file := must[*os.File](t)(os.Open(contentFile(t, "content")))
	o := dossier.NewObject(dossier.Info{Size: 7}, 0, 7, file)
	defer o.Close()
	if got, ok := o.File(); !ok || got != file {
		t.Errorf("File is %v, %v", got, ok)
	}
	if got, ok := object("", 0, nil).File(); ok || got != nil {
		t.Errorf("File of another body is %v, %v", got, ok)
	}
}

func ExampleObject() {
	body := io.NopCloser(strings.NewReader("truncat")) // what a broken connection delivered
	object := dossier.NewObject(dossier.Info{Key: "a/b", Size: 9}, 0, 9, body)
	defer object.Close()
	content, err := io.ReadAll(object)
	fmt.Printf("%s, %v\n", content, err)
	// Output: truncat, read a/b: unexpected EOF
}
