package maintenance

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// UndeleteOptions of [Undelete].
type UndeleteOptions struct {
	// Manager of the database and its stores, which should be the tool's own: it comes to know the table by a model with this
	// column alone, and its InstallTriggers without models would take that for the whole. Default: none, it is required.
	Manager *session.Manager
	// Column that gets the files back. Default: none, it is required.
	Column Column
	// Row has the columns of the row's primary key and their values as text. Default: none, it is required.
	Row map[string]string
	// List says that the column holds a list of files, to which they are added. It is compared with what a row has in the column, if
	// any has. Default: false, it holds one file.
	List bool
	// Replace allows that the row has another file, which is deleted in turn, Options.DeleteAfter of the manager later. It is of
	// no use to a list. Default: false, that is dossier.ErrExist.
	Replace bool
	// Filename that the row gets to know: that of the deleted row is gone with it. Default: "", none.
	Filename string
	// IDs of the journal's rows, as Journal.List gives them with Filter.Unclaimed: one, or several for a list. Default: none,
	// they are required.
	IDs []string
}

// Undelete takes back deletes that nobody has begun with, and puts the files into a row, all of them or none, for tools that have
// no models: it is [session.Manager.Undelete] for a table that is known by its name. Size, type and checksum come from the
// objects; the limits of the application's model are not known here. It returns the files as the row has them.
//
// Errors, after which nothing is changed: dossier.ErrNotFound (no such row, or no delete with this id that could be taken back),
// ErrConflict (the delete was begun), ErrNotExist (the object is gone), ErrExist (the row has a file), ErrNoBackend, ErrInvalid,
// and ErrStale when the named columns are no primary key and several rows match.
func Undelete(ctx context.Context, opts UndeleteOptions) ([]*fileobject.FileObject, error) {
	if err := opts.check(); err != nil {
		return nil, fmt.Errorf("undelete: %w", err)
	}
	files, err := opts.files(ctx)
	if err == nil {
		err = opts.Manager.Run(ctx, func(ctx context.Context, s *session.Session) error { return opts.putBack(ctx, s, files) })
	}
	if err != nil {
		return nil, fmt.Errorf("undelete into %s: %w", opts.Column, err)
	}
	return files, nil
}

func (o UndeleteOptions) check() error {
	switch {
	case o.Manager == nil || len(o.Row) == 0 || len(o.IDs) == 0:
		return fmt.Errorf("%w: manager, row and ids are needed", dossier.ErrInvalid)
	case len(o.IDs) > 1 && !o.List:
		return fmt.Errorf("%w: %s is to hold one file, not %d; a list is to be called one", dossier.ErrInvalid, o.Column, len(o.IDs))
	}
	for _, name := range append(slices.Collect(maps.Keys(o.Row)), o.Column.Table, o.Column.Column) {
		if name == "" || strings.ContainsAny(name, ",:\"'`()\\\x00\n") {
			return fmt.Errorf("%w: %q is no name of a table or column that this tool can write", dossier.ErrInvalid, name)
		}
	}
	return nil
}

// files finds the objects of the ids, in their order.
func (o UndeleteOptions) files(ctx context.Context) ([]*fileobject.FileObject, error) {
	files := make([]*fileobject.FileObject, len(o.IDs))
	for entry, err := range o.Manager.Journal().List(ctx, journal.Filter{Unclaimed: true}) {
		if err != nil {
			return nil, err
		}
		if i := slices.Index(o.IDs, entry.ID); i >= 0 {
			files[i] = &fileobject.FileObject{Record: dossier.Record{Backend: entry.Backend, Key: entry.Key, Filename: o.Filename}}
		}
	}
	for i, id := range o.IDs {
		if files[i] == nil {
			return nil, fmt.Errorf("journal row %q: %w: there is no delete of this id that can be taken back", id, dossier.ErrNotFound)
		}
	}
	return files, nil
}

// putBack does it in one transaction, under the row's lock.
func (o UndeleteOptions) putBack(ctx context.Context, s *session.Session, files []*fileobject.FileObject) error {
	model := reflect.New(o.model(files[0].Backend))
	for i, name := range o.keys() {
		model.Elem().Field(i + 1).SetString(o.Row[name])
	}
	if err := s.Lock(ctx, model.Interface()); err != nil {
		return err
	}
	if err := o.checkKind(ctx, s); err != nil {
		return err
	}
	if err := o.checkRow(model.Elem()); err != nil {
		return err
	}
	for _, f := range files {
		if err := s.Undelete(ctx, model.Interface(), o.Column.Column, f); err != nil {
			return err
		}
	}
	if o.List {
		return s.AppendFiles(ctx, model.Interface(), o.Column.Column, files...)
	}
	model.Elem().FieldByName("File").Set(reflect.ValueOf(files[0]))
	return s.Update(ctx, model.Interface(), o.Column.Column)
}

// checkKind compares what the caller says of the column with what any row has there. An empty column could be either.
func (o UndeleteOptions) checkKind(ctx context.Context, s *session.Session) error {
	var values []string
	column := bun.Ident(o.Column.Column)
	err := s.IDB().NewSelect().TableExpr("?", bun.Ident(o.Column.Table)).ColumnExpr("?", column).Where("? IS NOT NULL", column).
		Limit(1).Scan(ctx, &values)
	if err != nil {
		return err
	}
	kind := "lists of files"
	if o.List {
		kind = "single files"
	}
	for _, value := range values {
		if strings.HasPrefix(value, "[") && !o.List || strings.HasPrefix(value, "{") && o.List {
			return fmt.Errorf("%w: %s holds %s, as its rows say", dossier.ErrInvalid, o.Column, kind)
		}
	}
	return nil
}

// checkRow refuses a row that was not meant: databases compare a text with a number, or without regard to case, in their ways.
func (o UndeleteOptions) checkRow(row reflect.Value) error {
	for i, name := range o.keys() {
		if found := row.Field(i + 1).String(); found != o.Row[name] {
			return fmt.Errorf("%w: there is no row whose %s is %q; the database offers %q", dossier.ErrNotFound, name, o.Row[name], found)
		}
	}
	file, _ := row.FieldByName("File").Interface().(*fileobject.FileObject)
	if file != nil && !file.IsZero() && !o.Replace {
		return fmt.Errorf("%w: the row has the file %s:%s; it can be replaced, and is deleted in turn then",
			dossier.ErrExist, file.Backend, file.Key)
	}
	return nil
}

func (o UndeleteOptions) keys() []string { return slices.Sorted(maps.Keys(o.Row)) }

// model makes the type of a struct with the key and the column. Its keys are texts, which databases read as what they hold.
func (o UndeleteOptions) model(backend string) reflect.Type {
	fields := []reflect.StructField{{
		Name: "BaseModel", Anonymous: true, Type: reflect.TypeFor[bun.BaseModel](),
		Tag: reflect.StructTag(fmt.Sprintf("bun:%q", "table:"+o.Column.Table+",alias:t")),
	}}
	for i, name := range o.keys() {
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprint("Key", i), Type: reflect.TypeFor[string](), Tag: reflect.StructTag(fmt.Sprintf("bun:%q", name+",pk")),
		})
	}
	kind, tag := reflect.TypeFor[*fileobject.FileObject](), backend
	if o.List {
		kind, tag = reflect.TypeFor[fileobject.List](), backend+",many:1000000"
	}
	fields = append(fields, reflect.StructField{
		Name: "File", Type: kind, Tag: reflect.StructTag(fmt.Sprintf("bun:%q file:%q", o.Column.Column, tag)),
	})
	return reflect.StructOf(fields)
}

// ParseRow reads "column=value", once for each column of a primary key, into what UndeleteOptions.Row is. Other text, and a
// column twice, is dossier.ErrInvalid.
func ParseRow(texts ...string) (map[string]string, error) {
	row := map[string]string{}
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if _, twice := row[name]; !ok || name == "" || twice {
			return nil, fmt.Errorf("row %q: %w: want column=value, once for each column of the primary key", text, dossier.ErrInvalid)
		}
		row[name] = value
	}
	return row, nil
}
