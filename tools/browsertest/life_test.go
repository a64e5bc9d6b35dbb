package browsertest_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	cdp "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// preview reports whether the only card shows its picture.
const preview = `document.querySelector('.card .preview img')?.naturalWidth > 0`

// addPicture uploads a file through the form and waits for its card.
func addPicture(b *browser, path, title string) {
	b.t.Helper()
	b.attach("#file", path)
	b.do(chromedp.SetValue(chromedp.CSS("#title"), title, chromedp.NodeVisible))
	b.click("#send")
	b.waitFor(preview)
}

// The whole life of a document as a person sees it: this is what the demo is for, and no test of the API would notice a
// broken page.
func TestDocumentLivesInBrowser(t *testing.T) {
	t.Parallel()
	b, files := openBrowser(t), newFolder(t)
	b.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(startDemo(t)))
	b.waitFor(`!document.querySelector('#empty').hidden`)

	first := landscape(t, 640, 400, 210)
	addPicture(b, files.file("hills.png", first), "Hills <b>at dawn</b>")
	if title := b.text(".card-title"); title != "Hills <b>at dawn</b>" {
		t.Errorf("the title is shown as %q", title)
	}
	if count := b.text("#count"); count != "1 document" {
		t.Errorf("the count says %q", count)
	}
	if got := b.download(".act-download"); !bytes.Equal(got, first) {
		t.Errorf("downloaded %d bytes that are not the %d that were uploaded", len(got), len(first))
	}

	second := landscape(t, 320, 500, 20)
	b.attach(".replace-input", files.file("portrait.png", second))
	b.waitFor(`document.querySelector('.card-name').textContent === 'portrait.png' && ` + preview)
	if got := b.download(".act-download"); !bytes.Equal(got, second) {
		t.Errorf("after the replacement %d bytes were downloaded, not the %d new ones", len(got), len(second))
	}

	b.do(chromedp.Reload())
	b.waitFor(preview)
	b.click(".act-delete")
	b.click("dialog [value=yes]")
	b.waitFor(`!document.querySelector('#empty').hidden && !document.querySelector('.card')`)
}

// download clicks a link and returns the file that the browser saved.
func (b *browser) download(selector string) []byte {
	b.t.Helper()
	dir, events := b.t.TempDir(), true
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	progress := chromedp.BrowserEvents(ctx, cdp.DownloadProgress)
	_, err := chromedp.CallBrowser(b.ctx, cdp.SetDownloadBehavior, cdp.SetDownloadBehaviorParams{
		Behavior: cdp.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: dir, EventsEnabled: &events,
	})
	check(b.t, err)
	b.click(selector)
	for event, err := range progress {
		check(b.t, err)
		if event.State == cdp.DownloadProgressStateCanceled {
			b.t.Fatal("the download was cancelled")
		}
		if event.State == cdp.DownloadProgressStateCompleted {
			content, err := os.ReadFile(filepath.Join(dir, event.GUID))
			check(b.t, err)
			return content
		}
	}
	b.t.Fatal("the browser closed during the download")
	return nil
}

// Somebody who uploads a large file sees how far it is; with a bar that jumps from nothing to the end they would take the
// page for hung.
func TestProgressBarFollowsUpload(t *testing.T) {
	t.Parallel()
	b, files := openBrowser(t), newFolder(t)
	b.do(chromedp.Navigate(startDemo(t)))
	b.waitFor(`!document.querySelector('#empty').hidden`)
	_, err := chromedp.Call(b.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{DownloadThroughput: -1, UploadThroughput: 16 << 20}},
	})
	check(t, err)
	b.attach("#file", files.file("large.bin", bytes.Repeat([]byte("large"), 4<<20)))
	evaluate[bool](b, `(() => {
		window.seen = [];
		const bar = document.querySelector('#bar');
		new MutationObserver(() => window.seen.push(bar.value)).observe(bar, { attributes: true });
		return true;
	})()`)
	b.click("#send")
	b.waitFor(`document.querySelector('#bar').value > 0.2`)
	b.look("progress")
	b.waitFor(`document.querySelector('.card')`)
	seen := evaluate[[]float64](b, `window.seen`)
	between := 0
	for i, value := range seen {
		if i > 0 && value < seen[i-1] {
			t.Errorf("the bar went back: %v", seen)
		}
		if value > 0 && value < 1 {
			between++
		}
	}
	if between < 3 {
		t.Errorf("the bar showed %v: it should move in steps", seen)
	}
}

// Pages are added and removed one by one, and what the server refuses is said in its words.
func TestPagesInBrowser(t *testing.T) {
	t.Parallel()
	b, files := openBrowser(t), newFolder(t)
	b.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(startDemo(t)))
	addPicture(b, files.picture("cover.png", 320, 200, 120), "Album")

	b.attach(".pages-input", files.picture("one.png", 90, 120, 0), files.picture("two.png", 90, 120, 200))
	b.waitFor(`[...document.querySelectorAll('.page .thumb img')].filter((i) => i.naturalWidth > 0).length === 2`)

	b.attach(".pages-input", files.file("fake.png", []byte("<html><script>alert(1)</script></html>")))
	b.waitFor(`document.querySelector('.notice.bad')`)
	if said := b.text(".notice.bad span"); said != "This type of file is not accepted here. A page is an image or a PDF." {
		t.Errorf("the refusal reads %q", said)
	}
	b.look("refused")

	b.do(chromedp.Focus(chromedp.CSS(".page-remove")))
	b.click(".page-remove")
	b.click("dialog [value=yes]")
	b.waitFor(`document.querySelectorAll('.page a').length === 1`)
	if left := evaluate[string](b, `document.querySelector('.page a').title`); left != "two.png" {
		t.Errorf("%q is left; the first page was to be removed", left)
	}
}

// Who has no mouse can do everything: the tab key reaches each control, the question has the harmless answer focused,
// escape takes it back, and the focus returns to where it was.
func TestKeyboardReachesEverything(t *testing.T) {
	t.Parallel()
	b, files := openBrowser(t), newFolder(t)
	b.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(startDemo(t)))
	addPicture(b, files.picture("cover.png", 320, 200, 120), "Album")
	b.do(chromedp.Reload())
	b.waitFor(preview)
	for _, selector := range []string{"#file", ".preview", ".page-add", ".act-download", ".act-replace", ".act-delete"} {
		b.do(chromedp.KeyEvent(kb.Tab))
		if !evaluate[bool](b, fmt.Sprintf("document.activeElement.matches(%q)", selector)) {
			t.Fatalf("the tab key leads to %s, not to %s", evaluate[string](b, "document.activeElement.outerHTML"), selector)
		}
	}
	b.do(chromedp.KeyEvent(kb.Enter))
	b.waitFor(`document.querySelector('dialog')?.open && document.activeElement.value === 'no'`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.waitFor(`!document.querySelector('.busy') && document.activeElement.matches('.act-delete')`)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.waitFor(`document.querySelector('dialog')?.open`)
	b.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	b.waitFor(`!document.querySelector('.card') && document.activeElement.matches('#file')`)
}
