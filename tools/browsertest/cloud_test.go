package browsertest_test

import (
	"bytes"
	"crypto/rand"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// With its files in a bucket the page shows pictures from another origin: only a browser says whether the page's own policy
// lets them in, and whether what the bucket sends can be shown and saved.
func TestPageShowsPicturesFromABucket(t *testing.T) {
	t.Parallel()
	storeURL := os.Getenv("DOSSIER_TEST_S3")
	if storeURL == "" {
		t.Skip("server: DOSSIER_TEST_S3 is not set; scripts/servers starts one")
	}
	b, files := openBrowser(t), newFolder(t)
	b.do(chromedp.Navigate(startDemo(t, "-store", storeURL+"&prefix=browser-"+rand.Text())))
	b.waitFor(`!document.querySelector('#empty').hidden`)
	content := landscape(t, 640, 400, 120)
	addPicture(b, files.file("hills.png", content), "From a bucket")
	if origin := evaluate[string](b, `new URL(document.querySelector('.preview img').src).origin`); origin == evaluate[string](b, `location.origin`) {
		t.Errorf("the picture comes from the page's own server, %s", origin)
	}
	if got := b.download(".act-download"); !bytes.Equal(got, content) {
		t.Errorf("downloaded %d bytes that are not the %d that were uploaded", len(got), len(content))
	}
	b.click(".act-delete")
	b.click("dialog [value=yes]")
	b.waitFor(`!document.querySelector('#empty').hidden && !document.querySelector('.card')`)
}
