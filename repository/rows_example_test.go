package repository_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// Team has players; its rows are found by their name.
type Team struct {
	bun.BaseModel `bun:"table:teams"`
	model.Int64
	Name    string    `bun:"name,notnull,unique" repository:"match"`
	Players []*Player `bun:"rel:has-many,join:id=team_id"`
}

// Player is deleted softly.
type Player struct {
	bun.BaseModel `bun:"table:players"`
	model.Int64
	model.SoftDelete
	Name   string `bun:"name,notnull"`
	TeamID int64  `bun:"team_id,notnull"`
	Team   *Team  `bun:"rel:belongs-to,join:team_id=id"`
}

// openTeams makes two teams with two players each.
func openTeams(name string) *session.Manager {
	manager, err := openExample(name)
	if err == nil {
		err = errors.Join(manager.Register((*Team)(nil), (*Player)(nil)), manager.CreateSchema(context.Background()))
	}
	for _, name := range []string{"Reds", "Blues"} {
		if err != nil {
			break
		}
		team := &Team{Name: name}
		err = repository.For[Team](manager).Create(context.Background(), team)
		for _, player := range []string{"Ann", "Bea"} {
			err = errors.Join(err, repository.For[Player](manager).Create(context.Background(), &Player{Name: player, TeamID: team.ID}))
		}
	}
	if err != nil {
		log.Fatal(err)
	}
	return manager
}

// Whoever comes first creates the team; everybody gets the same one, without a look beforehand that would be out of date.
func ExampleRepository_GetOrCreate() {
	ctx, teams := context.Background(), repository.For[Team](openTeams("get-or-create"))
	for _, name := range []string{"Greens", "Greens", "Reds"} {
		team, created, err := teams.GetOrCreate(ctx, &Team{Name: name}, repository.MatchOptions{})
		fmt.Println(team.ID, team.Name, created, err)
	}
	// Output:
	// 3 Greens true <nil>
	// 3 Greens false <nil>
	// 1 Reds false <nil>
}

// Workers take rows from a queue: each one locks what nobody else has, and the lock ends with its unit of work.
func ExampleLock() {
	manager := openTeams("lock")
	err := manager.Run(context.Background(), func(ctx context.Context, s *session.Session) error {
		queue := repository.New[Player](s).With(repository.Options{Lock: repository.ForUpdateSkipLocked})
		next, err := queue.List(ctx, repository.ListOptions{Limit: 1, Order: []repository.Order{{Column: "id"}}})
		if err != nil || len(next) == 0 {
			return err
		}
		next[0].Name += " (done)"
		return queue.Update(ctx, next[0])
	})
	fmt.Println(err)
	_, err = repository.For[Player](manager).With(repository.Options{Lock: repository.ForUpdate}).Get(context.Background(), 1)
	fmt.Println(err)
	// Output:
	// <nil>
	// get: invalid argument: a lock ends with the call of a repository made by For; use New in a session
}

// Relations are loaded when they are named, with one query more for those to many, however many rows there are.
func ExampleOptions_relations() {
	ctx, manager := context.Background(), openTeams("relations")
	teams, err := repository.For[Team](manager).With(repository.Options{Relations: []string{"Players"}}).List(ctx, repository.ListOptions{})
	for _, team := range teams {
		fmt.Println(team.Name, "has", len(team.Players))
	}
	fmt.Println(err)
	blue, err := repository.For[Player](manager).With(repository.Options{Relations: []string{"Team"}}).
		GetOne(ctx, repository.Equal("name", "Ann"), repository.Exists("Team", repository.Equal("name", "Blues")))
	fmt.Println(blue.Name, blue.Team.Name, err)
	// Output:
	// Reds has 2
	// Blues has 2
	// <nil>
	// Ann Blues <nil>
}

// A row that is deleted softly is not there, until it is asked for by name or comes back.
func ExampleRepository_Restore() {
	ctx, players := context.Background(), repository.For[Player](openTeams("restore"))
	fmt.Println(players.Delete(ctx, 1))
	_, err := players.Get(ctx, 1)
	fmt.Println(errors.Is(err, dossier.ErrNotFound))
	deleted, err := players.With(repository.Options{Deleted: repository.OnlyDeleted}).List(ctx, repository.ListOptions{})
	fmt.Println(len(deleted), deleted[0].Name, err)
	fmt.Println(players.Restore(ctx, 1), players.ForceDelete(ctx, 2))
	n, err := players.With(repository.Options{Deleted: repository.IncludeDeleted}).Count(ctx)
	fmt.Println(n, err)
	// Output:
	// <nil>
	// true
	// 1 Ann <nil>
	// <nil> <nil>
	// 3 <nil>
}

// An export of any length: one row at a time is in memory.
func ExampleRepository_Stream() {
	ctx, players := context.Background(), repository.For[Player](openTeams("stream"))
	letters := 0
	for player, err := range players.Stream(ctx, repository.Equal("name", "Ann")) {
		if err != nil {
			fmt.Println(err)
			return
		}
		letters += len(player.Name)
	}
	fmt.Println(letters)
	// Output: 6
}
