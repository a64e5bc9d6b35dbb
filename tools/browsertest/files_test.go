package browsertest_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// folder makes files for a test.
type folder struct {
	t   *testing.T
	dir string
}

func newFolder(t *testing.T) folder {
	t.Helper()
	return folder{t, t.TempDir()}
}

// file writes a file and returns its path.
func (f folder) file(name string, content []byte) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	check(f.t, os.WriteFile(path, content, 0o600))
	return path
}

// picture writes a landscape of hills whose colour is a hue in degrees.
func (f folder) picture(name string, width, height int, hue float64) string {
	f.t.Helper()
	return f.file(name, landscape(f.t, width, height, hue))
}

func landscape(t *testing.T, width, height int, hue float64) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, colourAt(float64(x)/float64(width), float64(y)/float64(height), hue))
		}
	}
	var b bytes.Buffer
	check(t, png.Encode(&b, img))
	return b.Bytes()
}

// colourAt is sky, and in front of it three ranges of hills, each darker than the one behind.
func colourAt(x, y, hue float64) color.Color {
	light := 0.95 - 0.25*y
	for i := range 3 {
		step := float64(i)
		ridge := 0.5 + 0.17*step + 0.09*math.Sin(x*(5+3*step)+hue+step) + 0.03*math.Sin(x*17+step*2)
		if y > ridge {
			light = 0.62 - 0.18*step
		}
	}
	channel := func(shift float64) uint8 {
		wave := 0.5 + 0.5*math.Cos((hue-shift)*math.Pi/180)
		return uint8(255 * light * (0.55 + 0.45*wave))
	}
	return color.RGBA{channel(0), channel(120), channel(240), 255}
}

// pdf is a document of one empty page.
var pdf = []byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" +
	"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 280]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")
