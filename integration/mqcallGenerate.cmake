# mqcallGenerate.cmake - mqcall_generate(): what mqcallc makes of .proto files, as sources of a target.
#
#     mqcall_generate(<target> <file.proto>...
#         [IMPORT_DIRS <dir>...] [OUT_DIR <dir>] [WITH_IMPORTS] [NO_COMMENTS])
#     mqcall_generate(TARGET <target> PROTOS <file.proto>... [the same options])
#
# How it works. mqcallc itself says which files it will write (--list-outputs), when CMake runs;
# CMake runs again when a .proto has changed, as that may change the list. One command writes all of
# them, and then a stamp: files that come out the same keep their time. What the command read is in
# a dependency file, for the stamp, so that an edited import makes it run again.

cmake_policy(PUSH)
cmake_policy(VERSION 3.20)

# mqcall_absolute(<variable> <folder> <path>...)
function(mqcall_absolute variable folder)
	set(paths)
	foreach(path IN LISTS ARGN)
		get_filename_component(path "${path}" ABSOLUTE BASE_DIR "${folder}")
		list(APPEND paths "${path}")
	endforeach()
	set(${variable} "${paths}" PARENT_SCOPE)
endfunction()

# What would go wrong later, with less to say for itself.
function(mqcall_check_target target)
	if(NOT TARGET "${target}")
		message(FATAL_ERROR "mqcall_generate: there is no target '${target}'; "
			"add_executable() or add_library() comes first")
	endif()
	get_target_property(folder "${target}" SOURCE_DIR)
	if(NOT folder STREQUAL CMAKE_CURRENT_SOURCE_DIR)
		message(FATAL_ERROR "mqcall_generate: the target '${target}' is made in ${folder}; "
			"files are only generated for targets of the same CMakeLists.txt")
	endif()
	get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
	if(NOT "C" IN_LIST languages)
		message(FATAL_ERROR "mqcall_generate: the files generated for '${target}' are C, "
			"which this project has not enabled: project(... LANGUAGES C CXX)")
	endif()
endfunction()

# mqcall_list_outputs(<variable> <argument of mqcallc>...)
function(mqcall_list_outputs variable)
	get_target_property(mqcallc mqcall::mqcallc IMPORTED_LOCATION)
	execute_process(COMMAND "${mqcallc}" --list-outputs ${ARGN}
		OUTPUT_VARIABLE outputs ERROR_VARIABLE said RESULT_VARIABLE status)
	if(NOT status EQUAL 0)
		message(FATAL_ERROR "mqcallc failed:\n${said}")
	endif()
	string(STRIP "${outputs}" outputs)
	string(REPLACE "\n" ";" outputs "${outputs}")
	set(${variable} "${outputs}" PARENT_SCOPE)
endfunction()

function(mqcall_generate)
	cmake_parse_arguments(PARSE_ARGV 0 arg "WITH_IMPORTS;NO_COMMENTS" "TARGET;OUT_DIR"
		"PROTOS;IMPORT_DIRS")
	if(NOT DEFINED arg_TARGET)
		list(POP_FRONT arg_UNPARSED_ARGUMENTS arg_TARGET)
	endif()
	list(APPEND arg_PROTOS ${arg_UNPARSED_ARGUMENTS})
	if("${arg_TARGET}" STREQUAL "" OR "${arg_PROTOS}" STREQUAL "")
		message(FATAL_ERROR "mqcall_generate: name a target and .proto files: "
			"mqcall_generate(calc-server calc.proto)")
	endif()
	mqcall_check_target("${arg_TARGET}")

	if(NOT DEFINED arg_OUT_DIR)
		set(arg_OUT_DIR "mqcall/${arg_TARGET}")
	endif()
	mqcall_absolute(out "${CMAKE_CURRENT_BINARY_DIR}" "${arg_OUT_DIR}")
	mqcall_absolute(protos "${CMAKE_CURRENT_SOURCE_DIR}" ${arg_PROTOS})
	mqcall_absolute(dirs "${CMAKE_CURRENT_SOURCE_DIR}" ${arg_IMPORT_DIRS} .)
	list(REMOVE_DUPLICATES dirs)
	list(TRANSFORM dirs PREPEND "--proto-path=")
	set(arguments "--output=${out}" ${dirs})
	if(arg_WITH_IMPORTS)
		list(APPEND arguments --with-imports)
	endif()
	if(arg_NO_COMMENTS)
		list(APPEND arguments --no-comments)
	endif()
	mqcall_list_outputs(outputs ${arguments} ${protos})
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${protos})

	# Several calls may write below one folder: the stamp goes by the first file's name.
	list(GET outputs 0 stamp)
	string(REGEX REPLACE "\\.mqc\\.h$" "" stamp "${stamp}")
	get_target_property(mqcallc mqcall::mqcallc IMPORTED_LOCATION)
	list(JOIN arg_PROTOS " " names)
	add_custom_command(
		OUTPUT "${stamp}.stamp" ${outputs}
		COMMAND "${mqcallc}" ${arguments} "--depfile=${stamp}.d"
			"--depfile-target=${stamp}.stamp" ${protos}
		COMMAND "${CMAKE_COMMAND}" -E touch "${stamp}.stamp"
		DEPENDS ${protos} "${mqcallc}"
		DEPFILE "${stamp}.d"
		COMMENT "mqcallc ${names}"
		VERBATIM)

	target_sources("${arg_TARGET}" PRIVATE ${outputs})
	target_include_directories("${arg_TARGET}" PUBLIC "$<BUILD_INTERFACE:${out}>")
	# Not target_link_libraries(), which has two ways to be called that cannot be mixed.
	set_property(TARGET "${arg_TARGET}" APPEND PROPERTY LINK_LIBRARIES mqcall::mqcall)
	set_property(TARGET "${arg_TARGET}" APPEND PROPERTY INTERFACE_LINK_LIBRARIES mqcall::mqcall)
endfunction()

cmake_policy(POP)
