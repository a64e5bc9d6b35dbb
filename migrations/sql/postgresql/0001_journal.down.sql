DROP TABLE IF EXISTS dossier_journal;
