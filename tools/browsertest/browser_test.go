package browsertest_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a test waits for what should come at once; it is only reached by failures.
const patience = 2 * time.Minute

// browser is a browser with one tab.
type browser struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // it is the tab
}

// openBrowser starts a browser that lives until the test ends. What the page complains about in its console (errors of
// scripts, breaches of the content security policy, files that are missing) fails the test, but for refusals of the API.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	path := os.Getenv("DOSSIER_CHROMIUM")
	if path == "" {
		t.Skip("DOSSIER_CHROMIUM is not set: it is the path of a headless browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("lang", "en-GB"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(func() { closeTab(); stop(); cancel() })
	b := &browser{t, ctx}
	b.watchConsole()
	return b
}

func (b *browser) watchConsole() {
	b.t.Helper()
	var mu sync.Mutex
	var complaints []string
	err := chromedp.Listen(b.ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch event := event.(type) {
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, fmt.Sprint(event.ExceptionDetails.Text, event.ExceptionDetails.Exception))
		case *log.EventEntryAdded:
			refused := event.Entry.Source == log.EntrySourceNetwork && strings.Contains(event.Entry.URL, "/api/")
			if event.Entry.Level == log.EntryLevelError && !refused {
				complaints = append(complaints, event.Entry.Text+" "+event.Entry.URL)
			}
		}
	})
	check(b.t, err)
	b.t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, complaint := range complaints {
			b.t.Errorf("the browser complains: %s", complaint)
		}
	})
}

// do runs steps in the tab.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	check(b.t, chromedp.Do(b.ctx, steps...))
}

// click clicks what a CSS selector finds.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// attach puts files into a file input.
func (b *browser) attach(selector string, paths ...string) {
	b.t.Helper()
	b.do(chromedp.SetUploadFiles(chromedp.CSS(selector), paths, chromedp.NodeReady))
}

// text is what an element shows.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return evaluate[string](b, fmt.Sprintf("document.querySelector(%q).textContent", selector))
}

// waitFor waits until a JavaScript expression is true.
func (b *browser) waitFor(expression string) {
	b.t.Helper()
	const loop = `new Promise((done) => {
		const look = () => ((%s) ? done(true) : setTimeout(look, 20));
		look();
	})`
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](fmt.Sprintf(loop, expression), chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("waiting for %s: %v", expression, err)
	}
}

// evaluate returns the value of a JavaScript expression; a promise is waited for.
func evaluate[T any](b *browser, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// scheme sets what prefers-color-scheme says: "light" or "dark".
func (b *browser) scheme(name string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
	check(b.t, err)
}
