-- Runs the specs under plain luajit, from anywhere: `luajit pob/spec/run.lua`. Prints failures and one line of
-- totals; the exit code is 1 if a spec failed. A spec file returns a function that describes.

local here = arg[0]:match('^(.*)spec/run%.lua$')
package.path = here .. '?.lua;' .. here .. '?/init.lua;' .. package.path

local SPECS = {
	'spec.check_spec',
	'spec.source_spec',
	'spec.graph_spec',
	'spec.edit_spec',
	'spec.host_spec',
	'spec.trial_spec',
	'spec.buffs_spec',
	'spec.nodes_spec',
	'spec.node_lists_spec',
	'spec.flag_names_spec',
	'spec.gem_names_spec',
	'spec.prepared_spec',
	'spec.recall_spec',
	'spec.estimations_spec',
	'spec.alike_spec',
	'spec.alike_config_spec',
	'spec.alike_items_spec',
	'spec.alike_jewels_spec',
	'spec.alike_tags_spec',
	'spec.literals_spec',
	'spec.sample_xml_spec',
	'spec.sample_items_spec',
	'spec.sample_build_spec',
	'spec.sample_calc_spec',
	'spec.sample_explain_spec',
	'spec.sample_variation_spec',
	'spec.sample_plain_spec',
	'spec.sample_faults_spec',
	'spec.sample_passives_spec',
}

local bodies = {}
for index, name in ipairs(SPECS) do
	bodies[index] = require(name)
end
local report = require('spec.spec').run(bodies)
for _, failure in ipairs(report.failures) do
	io.stdout:write('FAILED ', failure, '\n')
end
io.stdout:write(('%d passed, %d failed\n'):format(report.passed, #report.failures))
os.exit(#report.failures == 0 and 0 or 1)
