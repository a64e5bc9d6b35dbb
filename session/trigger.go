package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/dossier-go/dossier"
)

// TriggerProblem is what [Manager.CheckTriggers] can find.
type TriggerProblem string

// The problems. All but TriggerForeign and TriggerGap are mended by [Manager.InstallTriggers].
const (
	// TriggerMissing: rows of the table can lose files without an order.
	TriggerMissing TriggerProblem = "missing"
	// TriggerOutdated: the trigger was made for other columns, stores or delays, or by another version, or was edited.
	TriggerOutdated TriggerProblem = "outdated"
	// TriggerDisabled: the trigger is there and does not fire.
	TriggerDisabled TriggerProblem = "disabled"
	// TriggerForeign: the trigger has a name as ours have and is not ours; it is left alone.
	TriggerForeign TriggerProblem = "foreign"
	// TriggerGap: rows of the table can go in a way in which the database fires no trigger.
	TriggerGap TriggerProblem = "gap"
)

// TriggerDrift is one difference between the triggers of a database and those that belong there.
type TriggerDrift struct {
	// Table that the trigger is on; a partition's own name on PostgreSQL, with its schema where that is another.
	Table string
	// Trigger is its name; empty for a gap.
	Trigger string
	// Problem that it has.
	Problem TriggerProblem
	// Detail says more, for people. Empty when there is nothing more to say.
	Detail string
}

// String is one line for a log.
func (d TriggerDrift) String() string {
	text := fmt.Sprintf("table %s: trigger %s: %s", d.Table, d.Trigger, d.Problem)
	if d.Trigger == "" {
		text = fmt.Sprintf("table %s: %s", d.Table, d.Problem)
	}
	if d.Detail != "" {
		text += ": " + d.Detail
	}
	return text
}

// InstallTriggers makes the triggers that write a delete order for each object that leaves a row by other ways than a
// session: raw SQL, bulk statements, cascades, REPLACE, other programs (docs/triggers.md says what each database cannot
// cover). An INSERT or UPDATE that brings a key back takes its order back, or fails when the object is being deleted already.
// Sessions and triggers together make one order for one object.
//
// Models are pointers to structs, nil ones too; without any, those registered. What is there and right is left alone;
// what is outdated is replaced, on PostgreSQL and SQLite in one transaction, on MySQL new before old. Any number of processes
// may install at the same time. The names of the registry's backends, their stores and Options.DeleteAfter become part of the
// triggers: install again after a change of these, after one of the file columns, and after an upgrade of this module; a
// migration is the place for it. A record whose backend is not registered makes no order, and is no error.
//
// Errors: dossier.ErrInvalid when the journal's table, a model's, or one of its file columns is not there, so that a program that
// is older than the schema installs nothing that every statement would fail on; dossier.ErrNoBackend when none is
// registered; dossier.ErrPermission, with what the account lacks; errors.ErrUnsupported for PostgreSQL before 13.
func (m *Manager) InstallTriggers(ctx context.Context, models ...any) error {
	return m.changeTriggers(ctx, "install triggers", models, func(t *triggerTable, have []trigger) (create, drop []trigger) {
		for _, want := range t.wanted {
			if !slices.ContainsFunc(have, want.same) {
				create = append(create, want)
			}
		}
		for _, old := range have {
			if old.ours() && !slices.ContainsFunc(t.wanted, old.same) {
				drop = append(drop, old)
			}
		}
		return create, drop
	})
}

// DropTriggers removes what [Manager.InstallTriggers] made for the tables of these models, or of all that are registered,
// of other versions too. Errors: as InstallTriggers.
func (m *Manager) DropTriggers(ctx context.Context, models ...any) error {
	return m.changeTriggers(ctx, "drop triggers", models, func(_ *triggerTable, have []trigger) (create, drop []trigger) {
		return nil, slices.DeleteFunc(have, func(t trigger) bool { return !t.ours() })
	})
}

// CheckTriggers returns what differs between the triggers that are there and those that InstallTriggers would make for
// these models, or for all that are registered, in order of tables. It changes nothing. Gaps are found too: tables whose
// rows the database can remove without firing a trigger. Errors: as InstallTriggers.
func (m *Manager) CheckTriggers(ctx context.Context, models ...any) ([]TriggerDrift, error) {
	if err := m.live("check triggers"); err != nil {
		return nil, err
	}
	var all []TriggerDrift
	tables, err := m.triggerTables(models)
	if err == nil {
		err = m.engine.triggers().read(ctx, m, func(conn execer) error {
			for _, t := range tables {
				drift, err := m.checkTriggers(ctx, conn, t)
				if err != nil {
					return fmt.Errorf("table %s: %w", t.name, err)
				}
				all = append(all, drift...)
			}
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("check triggers: %w", err)
	}
	return all, nil
}

func (m *Manager) checkTriggers(ctx context.Context, conn execer, t *triggerTable) ([]TriggerDrift, error) {
	have, err := m.lookAtTriggers(ctx, conn, t)
	if err != nil {
		return nil, err
	}
	all, err := m.engine.triggers().gaps(ctx, conn, t)
	for _, want := range t.wanted {
		i := slices.IndexFunc(have, want.same)
		switch {
		case i < 0:
			all = append(all, TriggerDrift{Table: want.table, Trigger: want.name, Problem: TriggerMissing})
		case have[i].disabled:
			all = append(all, TriggerDrift{Table: want.table, Trigger: want.name, Problem: TriggerDisabled})
		}
	}
	for _, old := range have {
		if slices.ContainsFunc(t.wanted, old.same) {
			continue
		}
		problem := TriggerForeign
		if old.ours() {
			problem = TriggerOutdated
		}
		all = append(all, TriggerDrift{Table: old.table, Trigger: old.name, Problem: problem})
	}
	slices.SortStableFunc(all, func(a, b TriggerDrift) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Trigger, b.Trigger))
	})
	return all, err
}

// lookAtTriggers finds the triggers of a table, and what they should be.
func (m *Manager) lookAtTriggers(ctx context.Context, conn execer, t *triggerTable) (have []trigger, err error) {
	if t.wanted, err = m.engine.triggers().wanted(ctx, conn, t); err != nil {
		return nil, err
	}
	return m.engine.triggers().installed(ctx, conn, t)
}

// changeTriggers asks decide for each table, creates first and drops then, so that there is no moment without triggers.
func (m *Manager) changeTriggers(ctx context.Context, op string, models []any,
	decide func(t *triggerTable, have []trigger) (create, drop []trigger),
) error {
	if err := m.live(op); err != nil {
		return err
	}
	tables, err := m.triggerTables(models)
	if err == nil {
		err = m.engine.triggers().change(ctx, m, func(conn execer) error {
			var errs []error
			for _, t := range tables {
				have, err := m.lookAtTriggers(ctx, conn, t)
				if err == nil {
					create, drop := decide(t, have)
					if len(create) > 0 {
						err = m.engine.triggers().checkColumns(ctx, conn, t)
					}
					if err == nil {
						err = changeTable(ctx, conn, create, drop)
					}
				}
				if err != nil {
					errs = append(errs, fmt.Errorf("table %s: %w", t.name, err))
				}
			}
			return errors.Join(errs...)
		})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

func changeTable(ctx context.Context, conn execer, create, drop []trigger) error {
	var statements []string
	for _, old := range drop {
		if slices.ContainsFunc(create, func(t trigger) bool { return t.table == old.table && t.name == old.name }) {
			statements = append(statements, old.drop...) // edited by somebody: the name must be free
		}
	}
	for _, t := range create {
		statements = append(statements, t.create...)
	}
	for _, old := range drop {
		if !slices.ContainsFunc(create, func(t trigger) bool { return t.table == old.table && t.name == old.name }) {
			statements = append(statements, old.drop...)
		}
	}
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return triggerError(err)
		}
	}
	return nil
}

// triggerTables returns the tables of models that have file columns, each once, with the file columns of all plans that
// are known for it.
func (m *Manager) triggerTables(models []any) ([]*triggerTable, error) {
	stores := m.triggerStores()
	if len(stores) == 0 {
		return nil, fmt.Errorf("%w: none is registered", dossier.ErrNoBackend)
	}
	wanted := map[string]bool{}
	for _, model := range models {
		p, err := m.planOf(reflect.TypeOf(model))
		if err != nil {
			return nil, err
		}
		wanted[p.table.Name] = true
	}
	tables := map[string]*triggerTable{}
	m.plans.Range(func(_, value any) bool {
		p := value.(*plan)
		if len(p.files) == 0 || len(models) > 0 && !wanted[p.table.Name] {
			return true
		}
		t := tables[p.table.Name]
		if t == nil {
			t = &triggerTable{name: p.table.Name, sqlName: string(p.table.SQLName), stores: stores, delay: m.opts.DeleteAfter,
				gen: m.db.QueryGen()}
			tables[p.table.Name] = t
		}
		for _, f := range p.files {
			t.columns = append(t.columns, string(f.field.SQLName))
		}
		return true
	})
	var all []*triggerTable
	for _, t := range tables {
		slices.Sort(t.columns)
		t.columns = slices.Compact(t.columns)
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *triggerTable) int { return cmp.Compare(a.name, b.name) })
	return all, nil
}

// triggerStores lists registered names and the identities of their stores, in order.
func (m *Manager) triggerStores() [][2]string {
	var stores [][2]string
	for _, name := range m.opts.Registry.Names() {
		if b, err := m.opts.Registry.Backend(name); err == nil {
			stores = append(stores, [2]string{name, b.Describe().Store})
		}
	}
	slices.SortFunc(stores, func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) })
	return stores
}
