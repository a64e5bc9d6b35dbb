package local

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

// A folder of a million files is read more than once to list it in order. To ask for the attributes of each entry every time
// would take three times as long as all the rest, and only the types are needed.
func TestFoldersAreReadWithoutAttributes(t *testing.T) {
	t.Parallel()
	root, err := os.OpenRoot(t.TempDir())
	if err == nil {
		err = errors.Join(root.WriteFile("file", nil, 0o600), root.Mkdir("folder", 0o700))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	opened, err := root.Open(".")
	if err != nil {
		t.Fatal(err)
	}
	folder, err := typesOnly(opened)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	entries, err := folder.ReadDir(-1)
	if err != nil || len(entries) != 2 {
		t.Fatal(entries, err)
	}
	if err := errors.Join(root.Remove("file"), root.Remove("folder")); err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() != (entry.Name() == "folder") {
			t.Errorf("%s is a folder: %v", entry.Name(), entry.IsDir())
		}
		if _, err := entry.Info(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the attributes of %s were read with its name: %v", entry.Name(), err)
		}
	}
	if opened.Close() == nil {
		t.Error("the folder that was given is still open")
	}
}
