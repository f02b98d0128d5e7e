/*
 * plan.h - everything that is written out, with every C identifier in it.
 *
 * The name pass makes a plan out of a model; nothing is named after that. What
 * emits is handed a const plan and only puts words in order.
 */
#ifndef MQCALL_GENERATOR_PLAN_H
#define MQCALL_GENERATOR_PLAN_H

#include "idl/diag.h"
#include "idl/model.h"

/* A field, as protoc-gen-c writes it. */
typedef struct gen_field_name {
	const char *proto_name;    /* what protoc-gen-c is told that it is called */
	const char *member;        /* of the struct */
	const char *default_value; /* of strings and bytes: the shared object, or NULL */
	const char *case_member;   /* of a field in a oneof: the member that says which, */
	const char *case_value;    /* and what it says when it is this one */
} gen_field_name;

/* A message or enum, as protoc-gen-c writes it. */
typedef struct gen_type_name {
	const char *proto_name;      /* what protoc-gen-c is told that it is called */
	const char *proto_full_name; /* the same with its scope */
	const char *full_name;       /* and that with the option c_package applied */
	const char *type;            /* Pkg__Name */
	const char *lower;           /* pkg__name: begins its functions */
	const char *upper;           /* PKG__NAME: begins its macros and constants */
	gen_field_name *fields;      /* one for each of the message's fields */
	const char **oneofs;         /* what protoc-gen-c is told that they are called */
} gen_type_name;

/* A field as a parameter, or several that belong together. */
typedef struct gen_param {
	const idl_field *field;
	const gen_field_name *names;
	const char *type;  /* of one value: "int32_t", "bool", "char", "Pkg__Name" */
	const char *name;  /* of the value, or of the output for it */
	const char *count; /* of its count or length; NULL: it has none */
	const char *has;   /* of the output that says whether it is there, or NULL */
	const char *local; /* a variable for it in the function */
	const char *local_count;
	const char *local_has;
} gen_param;

/* A field in a table by which the library packs and unpacks a message. */
typedef struct gen_field_row {
	int number;
	unsigned tag;     /* as mqc_field has it */
	const char *kind; /* MQC_FIELD_INT32 */
	const char *member;
	const char *has;     /* the member that says whether it is there, or NULL, */
	const char *present; /* and what that says when it is */
} gen_field_row;

typedef struct gen_field_table {
	const char *name; /* static: calc__add_request_fields */
	const gen_type_name *type;
	gen_field_row *rows; /* by number */
	size_t n_rows;
} gen_field_table;

typedef struct gen_method {
	const idl_method *method;
	size_t index;         /* in the service's table */
	const char *name;     /* calc_add */
	const char *msg_name; /* calc_add_msg */
	const char *member;   /* of the handler tables: add */
	const char *runner;   /* the static function that calls the function-form handler */
	const char *filler;   /* that which puts parameters into a request, */
	const char *taker;    /* and that which takes a reply apart; NULL: there is nothing to do */
	const gen_type_name *request;
	const gen_type_name *reply;
	const char *request_fields; /* its table; NULL: it has none */
	const char *reply_fields;
	bool request_is_empty; /* google.protobuf.Empty, which gives no parameter */
	bool reply_is_empty;
	const char *form_reason; /* why there is no function form; NULL: there is one */
	bool reply_is_flat;      /* only scalars: nothing of it outlives the stub */
	gen_param *inputs;
	size_t n_inputs;
	gen_param *outputs;
	size_t n_outputs;
	/* What starts a call and what finishes it, not waiting between; NULL: it is one-way. */
	const char *start;      /* calc_add_start */
	const char *finish;     /* calc_add_finish */
	const char *start_msg;  /* calc_add_start_msg */
	const char *finish_msg; /* calc_add_finish_msg */
	/* What finishes a deferred call; both names are NULL where they can't be had. */
	const char *finisher;       /* calc_add_reply */
	const char *finisher_msg;   /* calc_add_reply_msg */
	const char *taken_finisher; /* which of them is taken, and by what */
	const char *finisher_owner;
	gen_param *answers; /* the fields of the reply, as they go into it */
	size_t n_answers;
	const char *local_answer;
	/* The variables of the function-form stub. */
	const char *local_request;
	const char *local_message;
	const char *local_reply;
	const char *local_scratch;
	const char *local_status;
	/* The parameters of what starts a call, beside the fields. */
	const char *local_ended;
	const char *local_data;
	const char *local_pending;
} gen_method;

typedef struct gen_service {
	const idl_service *service;
	const char *prefix;        /* calc */
	const char *table;         /* calc_service */
	const char *handlers;      /* calc_handlers */
	const char *msg_handlers;  /* calc_msg_handlers */
	const char *serve;         /* calc_serve */
	const char *serve_msg;     /* calc_serve_msg */
	const char *methods_table; /* static from here on: calc_methods */
	const char *dispatch;
	const char *dispatch_msg;
	gen_method *methods; /* those that are not streams */
	size_t n_methods;
} gen_service;

/* What is written for one .proto: NAME.mqc.h and NAME.mqc.c. */
typedef struct gen_file {
	const idl_file *file;
	const char *stem; /* "dir/calc" */
	const char *guard;
	const char *descriptor; /* the static array of its reflection data */
	const char **includes;  /* files whose message headers its header needs */
	size_t n_includes;
	const char **source_includes; /* those that its source needs in addition */
	size_t n_source_includes;
	gen_field_table *tables; /* of the messages of the services */
	size_t n_tables;
	gen_service *services;
	size_t n_services;
} gen_file;

typedef struct gen_plan {
	idl_arena arena;
	const idl_model *model;
	const char **packages;   /* of C, by the index of the file in the model */
	gen_type_name *messages; /* by the index of the message in the model */
	gen_type_name *enums;
	gen_file *files; /* one for each file that the user named */
	size_t n_files;
} gen_plan;

/* Name everything; collisions are reported. */
gen_plan *gen_plan_new(const idl_model *model, idl_diags *diags);

/* Takes NULL. Returns NULL. */
gen_plan *gen_plan_free(gen_plan *plan);

/*
 * The steps of it, one a file: name_types.c, name_services.c, name_params.c, name_fields.c,
 * name_clashes.c.
 */
void gen_name_types(gen_plan *plan, idl_diags *diags);
void gen_name_services(gen_plan *plan, idl_diags *diags);
void gen_name_params(gen_plan *plan, const gen_service *service, gen_method *method);
gen_field_table *gen_name_fields(gen_plan *plan, gen_file *file, const idl_message *message);
void gen_name_clashes(gen_plan *plan, idl_diags *diags);

/* What the C names of a service begin with: the option's value, or its full name in snake case. */
const char *gen_service_prefix(idl_arena *arena, const idl_service *service);

/* A name that `table` has not yet, made so by appending '_', entered into it. */
const char *gen_claim(idl_arena *arena, idl_table *table, const char *name, void *value);

#endif
