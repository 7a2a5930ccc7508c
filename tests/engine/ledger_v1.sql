-- A ledger as ragscout made it before its tables had versions: every table, a sweep with an open reservation, another sweep.
BEGIN TRANSACTION;
CREATE TABLE about (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
)
 WITHOUT ROWID

;
INSERT INTO "about" VALUES('schema','1');
CREATE TABLE buckets (
	name TEXT NOT NULL, 
	next DOUBLE DEFAULT '0' NOT NULL, 
	PRIMARY KEY (name)
)
 WITHOUT ROWID

;
INSERT INTO "buckets" VALUES('requests:endpoint',1.796076745060002327e+09);
CREATE TABLE cells (
	node TEXT NOT NULL, 
	question TEXT NOT NULL, 
	shard TEXT NOT NULL, 
	"row" BIGINT DEFAULT '0' NOT NULL, 
	failed BOOLEAN NOT NULL, 
	usage TEXT NOT NULL, 
	path TEXT NOT NULL, 
	PRIMARY KEY (node, question)
)
 WITHOUT ROWID

;
INSERT INTO "cells" VALUES('n2','q1','s1',0,0,'{"calls":1,"input_tokens":10,"money":0.125,"output_tokens":5,"seconds":0.25}','{"money":0.125}');
CREATE TABLE claims (
	name TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	expires DOUBLE DEFAULT '0' NOT NULL, 
	PRIMARY KEY (name)
)
 WITHOUT ROWID

;
CREATE TABLE evalsets (
	name TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	digest TEXT NOT NULL, 
	parent TEXT NOT NULL, 
	info TEXT NOT NULL, 
	manifest TEXT NOT NULL, 
	at DOUBLE DEFAULT '0' NOT NULL, 
	removed BOOLEAN NOT NULL, 
	PRIMARY KEY (name, version), 
	UNIQUE (name, digest)
)
 WITHOUT ROWID

;
INSERT INTO "evalsets" VALUES('h',1,'d1','','{"questions": 3}','m9',1.79607674413499689104e+09,0);
CREATE TABLE journal (
	sweep TEXT NOT NULL, 
	seq BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	at DOUBLE DEFAULT '0' NOT NULL, 
	PRIMARY KEY (sweep, seq)
)
 WITHOUT ROWID

;
INSERT INTO "journal" VALUES('sweep1',1,'opened','{"name": "연차"}',1.79607674409500503538e+09);
INSERT INTO "journal" VALUES('sweep1',2,'round','{"round": 0}',1.79607674411801838875e+09);
CREATE TABLE memo (
	kind TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (kind, "key")
)
 WITHOUT ROWID

;
INSERT INTO "memo" VALUES('chat','k1','{"text":"15일입니다."}');
CREATE TABLE node_values (
	"key" TEXT NOT NULL, 
	manifest TEXT NOT NULL, 
	usage TEXT NOT NULL, 
	notes TEXT NOT NULL, 
	PRIMARY KEY ("key")
)
 WITHOUT ROWID

;
INSERT INTO "node_values" VALUES('n1','m1','{"seconds":1.5}','{"chunks":3.0}');
CREATE TABLE nodes (
	"key" TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	step TEXT NOT NULL, 
	inputs TEXT NOT NULL, 
	PRIMARY KEY ("key")
)
 WITHOUT ROWID

;
INSERT INTO "nodes" VALUES('n1','chunk','{"name":"characters"}','{"corpus":"c"}');
CREATE TABLE spend (
	sweep TEXT NOT NULL, 
	request TEXT NOT NULL, 
	purpose TEXT NOT NULL, 
	money DOUBLE DEFAULT '0' NOT NULL, 
	settled BIGINT DEFAULT '0' NOT NULL, 
	unpriced BIGINT DEFAULT '0' NOT NULL, 
	input_tokens BIGINT DEFAULT '0' NOT NULL, 
	output_tokens BIGINT DEFAULT '0' NOT NULL, 
	seconds DOUBLE DEFAULT '0' NOT NULL, 
	reserved DOUBLE, 
	owner TEXT NOT NULL, 
	expires DOUBLE DEFAULT '0' NOT NULL, 
	PRIMARY KEY (sweep, request)
)
 WITHOUT ROWID

;
INSERT INTO "spend" VALUES('sweep1','open','answer',0.0,0,0,0,0,0.0,1.0,'host-1-a',1.79607734401401567458e+09);
INSERT INTO "spend" VALUES('sweep1','r0','answer',0.25,1,0,100,10,0.5,NULL,'host-1-a',1.7960773438379957676e+09);
INSERT INTO "spend" VALUES('sweep1','r1','answer',0.5,1,0,200,10,0.5,NULL,'host-1-a',1.79607734387501025196e+09);
INSERT INTO "spend" VALUES('sweep1','r2','judge',0.0,1,1,300,10,0.5,NULL,'host-1-a',1.79607734391999101638e+09);
INSERT INTO "spend" VALUES('sweep1','r3','embed',0.125,1,0,400,10,0.5,NULL,'host-1-a',1.79607734395499372484e+09);
INSERT INTO "spend" VALUES('sweep2','r0','probe',0.0625,1,0,7,3,0.25,NULL,'host-1-a',1796077344.032);
CREATE TABLE vectors (
	encoder TEXT NOT NULL, 
	text TEXT NOT NULL, 
	shard TEXT NOT NULL, 
	"row" BIGINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (encoder, text)
)
 WITHOUT ROWID

;
INSERT INTO "vectors" VALUES('e','t1','v1',0);
INSERT INTO "vectors" VALUES('e','t2','v1',1);
CREATE INDEX cells_by_shard ON cells (shard);
CREATE INDEX vectors_by_shard ON vectors (shard);
CREATE INDEX claims_by_owner ON claims (owner);
CREATE INDEX spend_by_owner ON spend (owner);
COMMIT;
