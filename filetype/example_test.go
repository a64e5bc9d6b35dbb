package filetype_test

import (
	"fmt"

	"github.com/dossier-go/dossier/filetype"
)

// The bytes decide. A name refines plain text, and never against the bytes.
func ExampleDetector_Detect() {
	var detector filetype.Detector
	fmt.Println(detector.Detect([]byte("%PDF-1.7\n"), "invoice.docx"))
	fmt.Println(detector.Detect([]byte("# Notes\n"), "notes.md"))
	fmt.Println(detector.Detect([]byte("<html><script>"), "notes.md"))
	fmt.Println(detector.Detect([]byte{0, 1, 2, 3}, "picture.png"))
	// Output:
	// [application/pdf]
	// [text/markdown; charset=utf-8 text/plain]
	// [text/html; charset=utf-8]
	// [application/octet-stream]
}
