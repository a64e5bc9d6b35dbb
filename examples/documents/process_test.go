package main

import (
	"bufio"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// child is the demo as a process of its own, built without the race detector, which needs memory itself.
type child struct {
	t       *testing.T
	command *exec.Cmd
	url     string
}

func startChild(t *testing.T) *child {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "documents")
	if output, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, output)
	}
	c := &child{t: t, command: exec.Command(binary, "-listen", "127.0.0.1:0", "-data", filepath.Join(dir, "data"))}
	c.command.Stderr = t.Output()
	stdout, err := c.command.StdoutPipe()
	check(t, err)
	check(t, c.command.Start())
	t.Cleanup(func() { _ = c.command.Process.Kill() }) // it ended in stop, unless the test failed before
	line, err := bufio.NewReader(stdout).ReadString('\n')
	check(t, err)
	_, address, ok := strings.Cut(strings.TrimSpace(line), "http://")
	if !ok {
		t.Fatalf("the child printed %q", line)
	}
	c.url = "http://" + address
	return c
}

// stop asks the process to end, which it must do in good order.
func (c *child) stop() {
	c.t.Helper()
	check(c.t, c.command.Process.Signal(syscall.SIGTERM))
	check(c.t, c.command.Wait())
}

// peak is the most memory that the process ever had (VmHWM), in bytes.
func (c *child) peak() int64 {
	c.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.command.Process.Pid))
	check(c.t, err)
	for line := range strings.Lines(string(status)) {
		var kibibytes int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kibibytes); n == 1 {
			return kibibytes << 10
		}
	}
	c.t.Fatalf("no VmHWM in %s", status)
	return 0
}

// block repeats in a stream; its length is a prime, so that bytes that end up at a wrong place are not those of that place.
var block = func() []byte {
	b := make([]byte, 65_537)
	for i := range b {
		b[i] = byte(i * i >> 7)
	}
	return b
}()

// stream is a file of any size that is made while it is read.
type stream struct{ at, size int64 }

func (s *stream) Read(p []byte) (int, error) {
	if s.at == s.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), s.size-s.at)]
	n := copy(p, block[s.at%int64(len(block)):])
	s.at += int64(n)
	return n, nil
}

// Memory does not grow with the size of a file, on the way in and on the way out: one upload cannot take a server down.
func TestMemoryStaysSmall(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("platform: the peak of memory is read from /proc")
	}
	const most = 80 << 20
	size := int64(256 << 20)
	if os.Getenv("DOSSIER_LONG") != "" {
		size = 1 << 30
	}
	c := startChild(t)
	began := c.peak()
	doc := c.upload(size)
	uploaded := c.peak()
	if got, want := c.checksum(doc.File.URL), checksum(t, &stream{size: size}); got != want {
		t.Errorf("checksum %08x of what came back, want %08x", got, want)
	}
	c.wantEnd("/api/documents/"+doc.ID.String()+"/file", size)
	peak := c.peak()
	t.Logf("%d MiB up and down; peak of memory: %d KiB at the start, %d KiB after the upload, %d KiB in the end",
		size>>20, began>>10, uploaded>>10, peak>>10)
	if peak > most {
		t.Errorf("the process had %d bytes of memory, more than %d", peak, most)
	}
	c.stop()
}

// Uploads that go on at the same time share this small memory.
func TestMemoryStaysSmallForManyUploads(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("platform: the peak of memory is read from /proc")
	}
	const most, many = 80 << 20, 16
	c := startChild(t)
	var group sync.WaitGroup
	for range many {
		group.Go(func() { c.upload(16 << 20) })
	}
	group.Wait()
	if peak := c.peak(); peak > most {
		t.Errorf("with %d uploads the process had %d bytes of memory, more than %d", many, peak, most)
	}
	c.stop()
}

// upload creates a document whose form is made while it is sent.
func (c *child) upload(size int64) documentView {
	c.t.Helper()
	const begin = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"large.bin\"\r\n\r\n"
	body := io.MultiReader(strings.NewReader(begin), &stream{size: size}, strings.NewReader("\r\n--x--\r\n"))
	response, err := http.Post(c.url+"/api/documents", "multipart/form-data; boundary=x", body)
	check(c.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(c.t, err)
	doc := reply{c.t, response.StatusCode, response.Header, text}.document(http.StatusCreated)
	if doc.File.Size != size {
		c.t.Errorf("%d bytes of %d are stored", doc.File.Size, size)
	}
	return doc
}

// wantEnd asks for the last ten bytes.
func (c *child) wantEnd(path string, size int64) {
	c.t.Helper()
	r, err := http.NewRequest("GET", c.url+path, nil)
	check(c.t, err)
	r.Header.Set("Range", "bytes=-10")
	response, err := http.DefaultClient.Do(r)
	check(c.t, err)
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	check(c.t, err)
	want, err := io.ReadAll(&stream{size - 10, size})
	check(c.t, err)
	if response.StatusCode != http.StatusPartialContent || string(got) != string(want) {
		c.t.Errorf("the end: status %d, %x, want %x", response.StatusCode, got, want)
	}
}

func (c *child) checksum(path string) uint32 {
	c.t.Helper()
	response, err := http.Get(c.url + path)
	check(c.t, err)
	defer response.Body.Close()
	return checksum(c.t, response.Body)
}

func checksum(t *testing.T, r io.Reader) uint32 {
	t.Helper()
	sum := crc32.NewIEEE()
	_, err := io.Copy(sum, r)
	check(t, err)
	return sum.Sum32()
}
