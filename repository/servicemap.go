package repository

import "context"

// Mapped is a [Service] seen through the types of an interface: what comes in (In) and what goes out (Out), so that columns
// that are nobody's business neither enter nor leave. Its functions are the application's; nothing is copied by name.
type Mapped[T, In, Out any] struct {
	// Service does the work.
	Service *Service[T]
	// Fill puts what came in into a model: a new one for Create, the row as it is for Change; fields that In does not give are
	// left alone. Its errors are the call's.
	Fill func(in In, model *T) error
	// Show is what goes out of a row.
	Show func(model *T) Out
}

// Create inserts a model filled with in and returns what it shows. Errors: those of Fill and [Service.Create].
func (m Mapped[T, In, Out]) Create(ctx context.Context, in In) (Out, error) {
	model := new(T)
	err := m.Fill(in, model)
	if err == nil {
		err = m.Service.Create(ctx, model)
	}
	return m.show(model, err)
}

// Change fills the row with this primary key with in and returns what it shows then. Errors: those of Fill and
// [Service.Change].
func (m Mapped[T, In, Out]) Change(ctx context.Context, in In, id ...any) (Out, error) {
	return m.show(m.Service.Change(ctx, func(model *T) error { return m.Fill(in, model) }, id...))
}

// Get returns what the row with this primary key shows. Errors: those of [Repository.Get].
func (m Mapped[T, In, Out]) Get(ctx context.Context, id ...any) (Out, error) {
	return m.show(m.Service.Rows().Get(ctx, id...))
}

// Delete deletes the row with this primary key. Errors: those of [Service.Delete].
func (m Mapped[T, In, Out]) Delete(ctx context.Context, id ...any) error {
	return m.Service.Delete(ctx, id...)
}

// List returns what the rows show, in their order. Errors: those of [Repository.List].
func (m Mapped[T, In, Out]) List(ctx context.Context, opts ListOptions) ([]Out, error) {
	rows, err := m.Service.Rows().List(ctx, opts)
	if err != nil {
		return nil, err
	}
	return mapItems(rows, m.Show), nil
}

// Page returns what the rows of a page show, with its totals. Errors: those of [Repository.Page].
func (m Mapped[T, In, Out]) Page(ctx context.Context, opts ListOptions) (Page[Out], error) {
	page, err := m.Service.Rows().Page(ctx, opts)
	if err != nil {
		return Page[Out]{}, err
	}
	return MapPage(page, m.Show), nil
}

// Keyset returns what the rows of a page show, with its cursors. Errors: those of [Repository.Keyset].
func (m Mapped[T, In, Out]) Keyset(ctx context.Context, opts KeysetOptions) (KeysetPage[Out], error) {
	page, err := m.Service.Rows().Keyset(ctx, opts)
	if err != nil {
		return KeysetPage[Out]{}, err
	}
	return MapKeysetPage(page, m.Show), nil
}

func (m Mapped[T, In, Out]) show(model *T, err error) (Out, error) {
	if err != nil {
		var none Out
		return none, err
	}
	return m.Show(model), nil
}
