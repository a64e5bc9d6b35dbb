package dossier_test

import (
	"bytes"
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// clouds are the paths under which the libraries of cloud stores are linked.
var clouds = []string{"github.com/aws/", "cloud.google.com/", "google.golang.org/", "github.com/Azure/", "github.com/dossier-go/dossier/backends/s3"}

// Whoever uses a folder pays for a folder: a program with root, session and local storage has no library of a cloud in
// it. The binary itself is looked at, because a list of imports does not show what the linker took.
func TestProgramWithLocalStorageLinksNoCloud(t *testing.T) {
	t.Parallel()
	source := `package main

import (
	"fmt"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/session"
)

func main() {
	b, err := local.New("files", local.Config{})
	registry := &dossier.Registry{}
	fmt.Println(registry.Register("uploads", b), err)
	fmt.Println(session.New(nil, session.Options{Registry: registry}))
}
`
	dir, err := os.MkdirTemp(".", ".linked-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "program")
	if output, err := exec.Command("go", "build", "-o", binary, "./"+dir).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, output)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, cloud := range clouds {
		for _, dependency := range info.Deps {
			if strings.HasPrefix(dependency.Path+"/", cloud) {
				t.Errorf("the binary is built of %s", dependency.Path)
			}
		}
		if bytes.Contains(text, []byte(cloud)) {
			t.Errorf("the binary mentions %s", cloud)
		}
	}
	if !bytes.Contains(text, []byte("github.com/dossier-go/dossier/backends/local.New")) {
		t.Error("the binary does not even have what it uses: the test looks at the wrong thing")
	}
}
