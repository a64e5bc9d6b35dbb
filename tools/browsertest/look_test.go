package browsertest_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// screens are the sizes and colours that the page is looked at in.
var screens = []struct {
	name          string
	width, height int64
	scheme        string
}{
	{"desktop-light", 1280, 900, "light"},
	{"desktop-dark", 1280, 900, "dark"},
	{"phone-light", 390, 844, "light"},
	{"phone-dark", 390, 844, "dark"},
	{"narrow-light", 320, 568, "light"},
}

// The page fits every width without scrolling sideways, whatever it shows, and what can be pressed has a name for screen
// readers and is large enough to be hit. The screenshots are for people to judge the rest; see -artifacts.
func TestPageFitsScreens(t *testing.T) {
	t.Parallel()
	empty, full := startDemo(t), startDemo(t)
	fill(t, full)
	for _, screen := range screens {
		t.Run(screen.name, func(t *testing.T) {
			t.Parallel()
			b, files := openBrowser(t), newFolder(t)
			b.scheme(screen.scheme)
			b.do(chromedp.EmulateViewport(screen.width, screen.height), chromedp.Navigate(empty))
			b.waitFor(`!document.querySelector('#empty').hidden`)
			b.look(screen.name + "-1-empty")
			b.attach("#file", files.file("Annual report of the society, final version 3 (signed).pdf", pdf))
			b.look(screen.name + "-2-chosen")

			b.do(chromedp.Navigate(full))
			b.waitFor(`document.querySelectorAll('.card').length === 9`)
			b.waitFor(`document.querySelector('.preview img').naturalWidth > 0`)
			b.look(screen.name + "-3-list")
			b.click(".act-delete")
			b.look(screen.name + "-4-confirm")
		})
	}
}

// look takes a screenshot of what is seen and of the whole page, and checks that it fits.
func (b *browser) look(name string) {
	b.t.Helper()
	dir := b.t.ArtifactDir()
	seen, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	check(b.t, err)
	check(b.t, os.WriteFile(filepath.Join(dir, name+".png"), seen, 0o600))
	whole, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	check(b.t, err)
	check(b.t, os.WriteFile(filepath.Join(dir, name+"-whole.png"), whole, 0o600))

	if over := evaluate[float64](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		b.t.Errorf("%s: the page is %v pixels wider than the screen", name, over)
	}
	for _, problem := range evaluate[[]string](b, controls) {
		b.t.Errorf("%s: %s", name, problem)
	}
}

// controls lists what is wrong with what can be pressed: no name, or smaller than 20 by 20 pixels.
const controls = `[...document.querySelectorAll('button, a, label[for], input')].filter((e) => e.checkVisibility()).flatMap((e) => {
	const name = (e.getAttribute('aria-label') || e.textContent || e.labels?.[0]?.textContent || '').trim();
	const box = e.getBoundingClientRect();
	const what = e.outerHTML.slice(0, 90);
	const hidden = e.classList.contains('hidden-input');
	return [...(name ? [] : ['no name: ' + what]), ...(hidden || Math.min(box.width, box.height) >= 20 ? [] : ['too small: ' + what])];
})`

// fill adds documents of many kinds.
func fill(t *testing.T, url string) {
	t.Helper()
	post(t, url, "Minutes of the general assembly", part{"file", "minutes.docx", docx}, part{"pages", "scan.png", landscape(t, 90, 120, 40)})
	post(t, url, "Backup of the old web site", part{"file", "backup-2019.tar.gz", append([]byte{0x1f, 0x8b, 8}, make([]byte, 2<<20)...)})
	post(t, url, "Song", part{"file", "song.wav", append([]byte("RIFF\x24\x50\x05\x00WAVEfmt \x10\x00\x00\x00\x01\x00"), make([]byte, 340<<10)...)})
	post(t, url, "Members", part{"file", "members.csv", []byte("name,since\nAda,1843\nGrace,1952\nBarbara,1968\n")})
	post(t, url, "A tall picture", part{"file", "tall.png", landscape(t, 300, 700, 320)})
	post(t, url, "Hills at dawn", part{"file", "hills-at-dawn.png", landscape(t, 960, 600, 215)},
		part{"pages", "one.png", landscape(t, 90, 120, 20)}, part{"pages", "two.png", landscape(t, 90, 120, 90)},
		part{"pages", "contract.pdf", pdf}, part{"pages", "three.png", landscape(t, 90, 120, 180)},
		part{"pages", "four.png", landscape(t, 120, 90, 260)}, part{"pages", "five.png", landscape(t, 90, 120, 300)})
	post(t, url, "Unknown bytes", part{"file", "noextension", []byte{0, 1, 2, 3, 254, 255}})
	post(t, url, "A title that is so long that it does not fit into one line, nor into two, and so has to be cut off somewhere before its end",
		part{"file", "Annual report of the society, final version 3 (signed by everybody).pdf", pdf})
	post(t, url, "Autumn", part{"file", "autumn.png", landscape(t, 800, 500, 25)})
}

type part struct {
	field, name string
	content     []byte
}

// docx is the beginning of a document as word processors write it.
var docx = append([]byte("PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00"), []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"+
	"\x13\x00\x00\x00[Content_Types].xmlPK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"+
	"\x11\x00\x00\x00word/document.xml")...)

// post creates a document through the API.
func post(t *testing.T, url, title string, parts ...part) {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	check(t, form.WriteField("title", title))
	for _, p := range parts {
		w, err := form.CreateFormFile(p.field, p.name)
		check(t, err)
		_, err = w.Write(p.content)
		check(t, err)
	}
	check(t, form.Close())
	response, err := http.Post(url+"/api/documents", form.FormDataContentType(), &b)
	check(t, err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		text, _ := io.ReadAll(response.Body)
		t.Fatal(fmt.Errorf("create %s: %s: %s", title, response.Status, text))
	}
}
