package cli

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/maintenance"
	"github.com/dossier-go/dossier/session"
)

// undeleteOptions are the flags of undelete.
type undeleteOptions struct {
	column   string
	row      []string
	filename string
	list     bool
	replace  bool
	json     bool
}

func (t *tool) undeleteCommand() *cobra.Command {
	var opts undeleteOptions
	command := &cobra.Command{
		Use:   "undelete --column table.column --row key=value id...",
		Short: "Put deleted files back into a row, while nobody has begun with the delete",
		Long: "Takes back deletes that are ordered and not begun, and writes the files into the row, all of them or none. The ids are\n" +
			"those of the journal: see journal --unclaimed. Size, type and checksum are found out anew; the file's name and its metadata are\n" +
			"gone with the row that had it. The application may go on working meanwhile.",
		Example:      "  dossier undelete --database app.db --backend uploads=file:///srv/uploads --column documents.file --row id=7 0199f3a2-…",
		Args:         cobra.MinimumNArgs(1),
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, ids []string) error {
			undelete, err := opts.parse(ids)
			if err != nil {
				return err
			}
			return t.with(cmd, func(m *session.Manager) error {
				if err := needBackends(m); err != nil {
					return err
				}
				undelete.Manager = m
				files, err := maintenance.Undelete(cmd.Context(), undelete)
				if err != nil {
					return err
				}
				return printFiles(cmd.OutOrStdout(), files, opts.json)
			})
		},
	}
	command.Flags().StringVar(&opts.column, "column", "", "column that gets the files, as table.column")
	command.Flags().StringArrayVar(&opts.row, "row", nil, "primary key of the row, as column=value; repeatable")
	command.Flags().StringVar(&opts.filename, "filename", "", "name of the file in the row")
	command.Flags().BoolVar(&opts.list, "list", false, "the column holds a list, to which the files are added")
	command.Flags().BoolVar(&opts.replace, "replace", false, "replace the file that the row has, which is deleted in turn")
	command.Flags().BoolVar(&opts.json, "json", false, "print one JSON object a line")
	return command
}

// parse makes of the flags what maintenance wants.
func (o undeleteOptions) parse(ids []string) (maintenance.UndeleteOptions, error) {
	undelete := maintenance.UndeleteOptions{List: o.list, Replace: o.replace, Filename: o.filename, IDs: ids}
	if o.column == "" || len(o.row) == 0 {
		return undelete, fmt.Errorf("%w: name the row that gets the files: --column documents.file --row id=7", dossier.ErrInvalid)
	}
	var err error
	if undelete.Column, err = maintenance.ParseColumn(o.column); err != nil {
		return undelete, fmt.Errorf("--column: %w", err)
	}
	if undelete.Row, err = maintenance.ParseRow(o.row...); err != nil {
		return undelete, fmt.Errorf("--row: %w", err)
	}
	return undelete, nil
}

// printFiles prints what the row has got.
func printFiles(out io.Writer, files []*fileobject.FileObject, asJSON bool) error {
	rows, err := newTable(out, isTerminal(out) && !asJSON, "BACKEND", "KEY", "SIZE", "TYPE")
	for _, f := range files {
		if err == nil && asJSON {
			err = lines(out).Encode(map[string]any{"backend": f.Backend, "key": f.Key, "size": f.Size, "content_type": f.ContentType})
		} else if err == nil {
			err = rows.row(f.Backend, f.Key, strconv.FormatInt(f.Size, 10), f.ContentType)
		}
	}
	if err != nil {
		return err
	}
	return rows.flush()
}
