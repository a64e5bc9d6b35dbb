package cli

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/dossier-go/dossier/maintenance"
)

// progress shows how far an audit is, to people: elsewhere it does nothing.
type progress struct {
	out io.Writer // nil: nobody looks
	bar *progressbar.ProgressBar
}

func newProgress(out io.Writer) *progress {
	p := &progress{}
	if isTerminal(out) {
		p.out = out
		p.bar = p.begin(-1, "listing objects")
	}
	return p
}

func (p *progress) begin(total int64, what string) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(40),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetRenderBlankState(false), progressbar.OptionSpinnerType(14),
		progressbar.OptionSetSpinnerChangeInterval(0))
}

// show follows the counts: first objects, of which nobody knows how many there are, then the files of rows.
func (p *progress) show(report maintenance.AuditReport) {
	if p.out == nil {
		return
	}
	if report.Files == 0 {
		_ = p.bar.Set64(report.Objects) // a bar that cannot be drawn is no reason to stop
		return
	}
	if p.bar.GetMax64() != report.Files {
		p.hide()
		p.bar = p.begin(report.Files, "comparing files")
	}
	_ = p.bar.Set64(report.Checked)
}

// hide clears the line for results.
func (p *progress) hide() {
	if p.out != nil {
		_ = p.bar.Clear()
	}
}
